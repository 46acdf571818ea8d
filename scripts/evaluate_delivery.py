#!/usr/bin/env python3
"""Hold the measures of delivery against speech whose hesitations, pauses and terms are known.

Usage:
  scripts/evaluate_delivery.py                     all parts, as far as their recordings are there
  scripts/evaluate_delivery.py --parts test --slices clean
  scripts/evaluate_delivery.py --minutes 60 --kokoro kokoro.onnx --voices voices/ --python kokoro-venv/bin/python

Parts: human (people), fixtures (audio_fixtures/), tune and test (generated answers: the half that thresholds were
chosen on, and the half in other voices that they were not), discourse (marked sentences, no audio).
Slices of the generated answers: clean, room noise at 20 and 10 dB, telephone (300 to 3400 Hz, mu-law), and a
speaker who leans back half-way (12 dB). `plain` and `prompt` are Whisper's readings alone. Recordings are in
scripts/delivery_sets.py; what was read is kept in build/delivery/heard until the code that reads changes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jiwer
import numpy as np
from delivery_readings import SYSTEMS, Heard, Reader
from delivery_sets import (
    ROOT,
    SLICES,
    Known,
    Times,
    fixtures,
    generated,
    named,
    sliced,
    transcribed,
    where_written,
)
from plain_text import plain as as_plain

from voice_coach.delivery.discourse import discourse_markers
from voice_coach.delivery.fillers import is_filled_pause
from voice_coach.delivery.pace import spoken_words
from voice_coach.records import Delivery, Word
from voice_coach.speech.model_files import DEFAULT_WHISPER, find, verified
from voice_coach.speech.terms import Glossary, correct_terms, read_terms
from voice_coach.speech.whisper import Whisper

COLLAR_S = 0.25
PAUSE_COLLAR_S = 0.1
WITHIN_S, WITHIN_SHARE = 0.2, 0.03
"""How near an answer's duration and speech rate must come."""
PARTS = ("human", "fixtures", "tune", "test", "discourse")
HALVES = {"tune": "a", "test": "b"}
DISCOURSE = {
    "used to write the rules": ("discourse_dev.txt",),
    "held out": ("discourse_test.txt", "discourse_test_second.txt"),
}


@dataclass
class Score:
    """Events found against events that are there."""

    hit: int = 0
    found: int = 0
    there: int = 0
    errors_a_minute: list[float] = field(default_factory=list)

    def add(self, hit: int, found: int, there: int, minutes: float) -> None:
        self.hit, self.found, self.there = self.hit + hit, self.found + found, self.there + there
        self.errors_a_minute.append(abs(found - there) / max(minutes, 1e-9))

    @property
    def precision(self) -> float:
        return self.hit / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        return self.hit / self.there if self.there else 1.0

    @property
    def f1(self) -> float:
        return 2 * self.hit / (self.found + self.there) if self.found + self.there else 1.0

    def row(self) -> str:
        off = float(np.mean(self.errors_a_minute)) if self.errors_a_minute else 0.0
        counts = f"{self.hit}/{self.found}/{self.there}"
        return f"{self.precision:.3f} | {self.recall:.3f} | {self.f1:.3f} | {counts} | {off:.2f}"


MISSPELT = {"prome thius": "Prometheus", "graph fauna": "Grafana", "post grass": "Postgres"}
"""How answers that were written like a transcript with recognition errors spell the terms that are meant."""


@dataclass
class Terms:
    """right: terms that were said and written. inserted: written and not said."""

    right: int = 0
    there: int = 0
    inserted: int = 0
    missed: Counter[str] = field(default_factory=Counter)
    put_in: Counter[str] = field(default_factory=Counter)


@dataclass
class Measures:
    """Sums over the answers of one part and slice."""

    minutes: float = 0.0
    fillers: dict[str, Score] = field(default_factory=lambda: {name: Score() for name in SYSTEMS})
    terms: dict[str, Terms] = field(default_factory=lambda: {name: Terms() for name in SYSTEMS})
    wer: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in SYSTEMS})
    pauses: Score = field(default_factory=Score)
    false_on_fluent: int = 0
    fluent_minutes: float = 0.0
    duration_errors_s: list[float] = field(default_factory=list)
    rate_errors: list[float] = field(default_factory=list)
    # of the library's words: lost or changed, there; and words more
    changed: dict[str, list[int]] = field(default_factory=lambda: {name: [0, 0, 0] for name in SYSTEMS})


def matched(found: Times, there: Times, collar_s: float) -> int:
    """How many known stretches have a found one of their own that meets them within the collar."""
    left, count = list(found), 0
    for start, end in there:
        near = [one for one in left if one[0] <= end + collar_s and one[1] >= start - collar_s]
        if near:
            left.remove(min(near, key=lambda one: abs(one[0] - start)))
            count += 1
    return count


def pauses_right(found: Times, there: Times) -> int:
    """How many known pauses have a found one of their own, both ends within the collar."""
    left, count = list(found), 0
    for start, end in there:
        near = [a for a in left if abs(a[0] - start) <= PAUSE_COLLAR_S and abs(a[1] - end) <= PAUSE_COLLAR_S]
        if near:
            left.remove(near[0])
            count += 1
    return count


def measure(items: Iterable[Known], reader: Reader, *, library: bool) -> Measures:
    total, glossary = Measures(), read_terms()
    for known in items:
        heard = reader.hear(known.samples, library=library)
        minutes = heard.duration_s / 60.0
        total.minutes += minutes
        _score_fillers(total, heard, known, minutes)
        if heard.library is not None:
            _score_changes(total, heard)
        if known.answer is not None:
            _score_timing(total, heard.delivery(), known, minutes)
            for system in SYSTEMS:
                words = _ordinary(heard.read_by(system))
                _score_terms(total.terms[system], words, known, glossary if system == "coach" else None, glossary)
                total.wer[system].append(jiwer.wer(as_plain(known.text), as_plain(_text(words)) or "-"))
    return total


def _score_fillers(total: Measures, heard: Heard, known: Known, minutes: float) -> None:
    there = where_written(known.text, heard.words) if known.fillers is None else known.fillers
    for system, score in total.fillers.items():
        found = heard.found(system)
        if known.fillers_count is not None:
            score.add(min(len(found), known.fillers_count), len(found), known.fillers_count, minutes)
        else:
            score.add(matched(found, there, COLLAR_S), len(found), len(there), minutes)
    if not there and not known.fillers_count:
        total.false_on_fluent += len(heard.found("coach"))
        total.fluent_minutes += minutes


def _score_changes(total: Measures, heard: Heard) -> None:
    assert heard.library is not None
    reference = as_plain(heard.library)
    if not reference:
        return
    for system, counts in total.changed.items():
        said = as_plain(_text(heard.read_by(system)))
        output = jiwer.process_words(reference, said or "-")
        counts[0] += output.deletions + output.substitutions
        counts[1] += len(reference.split())
        counts[2] += output.insertions


def _score_timing(total: Measures, delivery: Delivery, known: Known, minutes: float) -> None:
    assert known.answer is not None
    found = [(pause.start_s, pause.end_s) for pause in delivery.pauses]
    there = known.pauses or []
    total.pauses.add(pauses_right(found, there), len(found), len(there), minutes)
    true_s = known.answer[1] - known.answer[0]
    true_wpm = 60.0 * sum(spoken_words(token) for token in known.text.split()) / true_s
    if delivery.answer_duration_s is not None and delivery.speech_rate_wpm is not None:
        total.duration_errors_s.append(abs(delivery.answer_duration_s - true_s))
        total.rate_errors.append(abs(delivery.speech_rate_wpm - true_wpm) / true_wpm)


def _score_terms(
    terms: Terms, words: Sequence[Word], known: Known, correcting: Glossary | None, glossary: Glossary
) -> None:
    written = terms_in(correct_terms(words, correcting) if correcting else words, glossary)
    there = Counter(term.lower() for term in known.terms)
    terms.right += (written & there).total()
    terms.there += there.total()
    terms.missed.update(there - written)
    put_in = written - (there | terms_said(known.text, glossary))
    terms.inserted += put_in.total()
    terms.put_in.update(put_in)


def terms_said(text: str, glossary: Glossary) -> Counter[str]:
    """How often a spoken sentence itself writes each term as one, unmarked, misspelt or in two words."""
    for spelling, term in MISSPELT.items():
        text = text.replace(spelling, term)
    return terms_in([Word(token, 0.0, 0.0, 1.0) for token in text.split()], glossary, joined=True)


def terms_in(words: Sequence[Word], glossary: Glossary, *, joined: bool = False) -> Counter[str]:
    """How often each term is written; joined: "roll back", "post-mortem" and "sev one" count, too."""
    tokens = [word.text.strip(".,?!;:").removesuffix("'s").lower() for word in words]
    names = {_letters(as_plain(name)) if joined else name.lower(): name.lower() for name in glossary.names}
    found: Counter[str] = Counter()
    at = 0
    while at < len(tokens):
        for count in (3, 2, 1):
            run = tokens[at : at + count]
            name = (
                names.get(_letters(as_plain(" ".join(run))) if joined else " ".join(run)) if len(run) == count else None
            )
            if name is not None:
                found[name] += 1
                at += count
                break
        else:
            at += 1
    return found


def _letters(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


def _ordinary(words: Iterable[Word]) -> list[Word]:
    return [word for word in words if not is_filled_pause(word.text)]


def _text(words: Iterable[Word]) -> str:
    return " ".join(word.text for word in words)


def show(title: str, total: Measures) -> None:
    print(f"\n### {title} ({total.minutes:.1f} min)\n")
    print("| hesitations | P | R | F1 | hit/found/there | count off, a minute |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, score in total.fillers.items():
        print(f"| {name} | {score.row()} |")
    print()
    if total.fluent_minutes:
        rate = total.false_on_fluent / total.fluent_minutes
        print(f"false hesitations where there are none: {rate:.2f} a minute ({total.fluent_minutes:.1f} min)")
    for system, (changed, words, more) in total.changed.items():
        if words:
            print(f"against faster-whisper's own pass: {system} loses or changes {changed / words:.2%}, adds {more}")
    if not total.duration_errors_s:
        return
    pauses = total.pauses
    print(f"pauses within {PAUSE_COLLAR_S} s: P {pauses.precision:.3f}, R {pauses.recall:.3f}, F1 {pauses.f1:.3f}")
    print(f"answer's duration: {_errors(total.duration_errors_s, WITHIN_S, lambda one: f'{one:.2f} s')}")
    print(f"speech rate: {_errors(total.rate_errors, WITHIN_SHARE, lambda one: f'{one:.1%}')}")
    for system, terms in total.terms.items():
        recall = f"{terms.right}/{terms.there} = {terms.right / terms.there:.3f}" if terms.there else "none said"
        wrong = f"{terms.inserted / total.minutes:.2f} a minute put in"
        print(f"terms, {system}: {recall} right, {wrong}; WER {np.mean(total.wer[system]):.1%}")
    if total.terms["coach"].missed:
        print("missed:", _listed(total.terms["coach"].missed))
    if total.terms["coach"].put_in:
        print("put in:", _listed(total.terms["coach"].put_in))
    sys.stdout.flush()


def _errors(errors: Sequence[float], within: float, written: Callable[[float], str]) -> str:
    share = float(np.mean([error <= within for error in errors]))
    return f"off by {written(float(np.mean(errors)))}, {share:.0%} of answers within {written(within)}"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


def show_discourse() -> None:
    print("\n### Discourse markers on marked sentences\n")
    print("| sentences | P | R | hit/found/there |\n| --- | --- | --- | --- |")
    for title, names in DISCOURSE.items():
        score = Score()
        for line in (line for name in names for line in (ROOT / "tests/data" / name).read_text("utf-8").splitlines()):
            if not line.strip() or line.startswith("#"):
                continue
            tokens = line.split()
            there = {k for k, token in enumerate(tokens) if "{" in token}
            words = [Word(token, float(k), k + 0.9, 0.9) for k, token in enumerate(_bare(tokens))]
            found = {round(event.start_s) for event in discourse_markers(words, is_filled_pause)}
            score.add(len(found & there), len(found), len(there), 1.0)
        print(
            f"| {title} | {score.precision:.3f} | {score.recall:.3f} | {score.hit}/{score.found}/{score.there} |",
            flush=True,
        )


def _bare(tokens: Iterable[str]) -> list[str]:
    return [token.replace("{", "").replace("}", "") for token in tokens]


def show_human(reader: Reader) -> None:
    clips = transcribed()
    show("People: three recordings, thresholds chosen on them", measure(clips[:3], reader, library=True))
    for clip in clips[3:]:
        show(f"People, end to end: {clip.name}", measure([clip], reader, library=True))
    show("People: short clips named for what is in them", measure(named(), reader, library=True))


def make(args: argparse.Namespace) -> None:
    command = [args.python, ROOT / "scripts/speak_delivery.py", "--model", args.kokoro, "--voices", args.voices]
    for half in HALVES:
        subprocess.run([*command, "--half", half, "--minutes", str(args.minutes / len(HALVES))], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, help="make generated answers up to this length first")
    parser.add_argument("--kokoro", type=Path, help="Kokoro's model, for --minutes")
    parser.add_argument("--voices", type=Path, help="Kokoro's voices, for --minutes")
    parser.add_argument("--python", type=Path, help="the Python that has kokoro-onnx, for --minutes")
    parser.add_argument("--parts", default=",".join(PARTS), help="which parts, by commas")
    parser.add_argument("--slices", default=",".join(SLICES), help="which slices of the generated answers, by commas")
    parser.add_argument("--limit", type=int, help="only so many generated answers of each half")
    args = parser.parse_args()
    if args.minutes:
        if not (args.kokoro and args.voices and args.python):
            parser.error("--minutes needs --kokoro, --voices and --python")
        make(args)
    parts = args.parts.split(",")
    if "discourse" in parts:
        show_discourse()
    if parts == ["discourse"]:
        return
    reader = Reader(Whisper(verified(find(DEFAULT_WHISPER)), glossary=read_terms()))
    if "human" in parts:
        show_human(reader)
    if "fixtures" in parts:
        show("Fixtures", measure(fixtures(), reader, library=True))
    for half in [half for half in HALVES if half in parts]:
        items = generated(HALVES[half], args.limit)
        for name in args.slices.split(",") if items else ():
            title = f"Generated, {half} half, {len({one.voice for one in items})} voices, {name}"
            show(title, measure((sliced(one, name) for one in items), reader, library=name == "clean"))


if __name__ == "__main__":
    main()
