"""Whisper through faster-whisper: one window in, its words out.

Each window is encoded once and decoded twice: plainly for the text of record, and primed with
hesitations so that they are written down instead of cleaned away. Sharing the encoder makes the
second reading cost about a third of the first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from voice_coach.errors import TranscriptionError
from voice_coach.records import SAMPLE_RATE_HZ, Span, Window, Word
from voice_coach.speech.terms import Glossary, Suspect, head, heard_terms, suspected, tail

if TYPE_CHECKING:
    import ctranslate2
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer

PRIMING = "Um, so, uh, I mean, er, you know, hmm, like, uh-huh."
"""Makes Whisper write hesitations down. On human recordings with 14 of them the shipped model
kept none plainly and 12 with this prompt (measured; the wording is from the same runs)."""

HESITATIONS = (" um", " Um", " uh", " Uh", " er", " Er", " ah", " Ah")
"""How Whisper writes a hesitation as one token; the rarer "hmm" takes two, and is left to the reading itself."""

DOUBTFUL_FROM = 0.05
"""Where the primed reading preferred another word, but gave a hesitation at least this probability, one is put
in with that confidence. On three human recordings the hesitations that it passed over had 0.09 to 0.45;
of the other gaps between words one, beside a cough, had as much (0.12). The sound decides which are believed."""

TEMPERATURES = (0.0, 0.4)
"""Greedy first, one more try if that loops. The usual ladder of six costs up to 13 s on a bad
window and was never right where the second try was not."""

LOOPS_ABOVE = 2.4
"""Compression ratio of looping text. Source: Whisper's own decoding rule."""

UNSURE_BELOW = -1.0
"""Mean log probability of text not to be trusted. Source: Whisper's own decoding rule."""

TOKENS_PER_S = 9.0
"""Bound on text per second of audio; the fastest talkers reach about 6 tokens a second."""

JUDGED_AFTER = 8
"""Tokens after a term by which it is judged, too: what follows must still make sense."""

MOST_WEIGHED = 16
"""Terms that one reading is held against by the sound; each costs a pass of the decoder, about 0.05 s on two cores."""

MIN_VOICE_S = 0.2
"""Less voice than this in a window is no word; Whisper would write "Thank you." over it."""

MIN_ALIGN_S = 1.0
"""Word alignment of shorter audio is not reliable, and can end the process in CTranslate2."""

VOICE_NEAR_S = 0.35
"""A word further from any voice than this was not spoken: word times are good to about 0.2 s."""

MOST_READINGS = 3
"""How often the rest of a window is read again before it is given up."""

UNREAD_VOICE_S = 1.0
"""Voice after the last word that says Whisper stopped too early."""

HOP = 160
"""Samples a feature frame. Source: Whisper's front end, 10 ms at 16 kHz."""

LOOP_REPEATS = 4
"""A run of words said this often in a row is a decoder's loop; people stop at three."""

LOOP_REPEATS_OF_ONE = 8
"""The same for a single word, which people do say more often (five times "words" in a human recording); a decoder
that loops on one goes on to its limit of tokens."""

LOOP_LONGEST = 8
"""Longest run, in words, that is looked at for loops."""

_SPACES = re.compile(r"\s+")


class Transcriber(Protocol):
    """What the session needs from speech recognition; one method."""

    def transcribe(self, window: Window) -> WindowText: ...


@dataclass(frozen=True, slots=True)
class WindowText:
    """One window's words on the recording's clock: as text of record, and with hesitations."""

    words: tuple[Word, ...]
    verbatim: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class _Reading:
    """Text and time tokens; hesitant: where a hesitation was written or passed over, which, and how likely."""

    tokens: list[int]
    hesitant: dict[int, tuple[int, float]]


@dataclass(frozen=True, slots=True)
class WhisperOptions:
    """How Whisper is run. compute_type None lets the device decide: int8 on CPU, float16 on GPU.

    threads 0 means one per core, at most four: more make a small model slower.
    """

    device: str = "cpu"
    compute_type: str | None = None
    threads: int = 0

    @property
    def resolved_compute_type(self) -> str:
        return self.compute_type or ("float16" if self.device == "cuda" else "int8")

    @property
    def resolved_threads(self) -> int:
        return self.threads or min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4)


class Whisper:
    """A loaded Whisper model.

    Raises: TranscriptionError if the model's files, though sound, can't be loaded or run.
    """

    def __init__(self, folder: Path, options: WhisperOptions | None = None, glossary: Glossary | None = None) -> None:
        """glossary: terms to listen for where the reading was in doubt or its words sound like one; without it none."""
        self.options = options or WhisperOptions()
        self._glossary = glossary
        # every file is local; without this a library in between may try to ask a hub
        os.environ["HF_HUB_OFFLINE"] = "1"
        import ctranslate2
        from faster_whisper import WhisperModel
        from faster_whisper.tokenizer import Tokenizer

        # the second try samples; with a fixed seed the same command gives the same words
        ctranslate2.set_random_seed(0)
        try:
            self._model: WhisperModel = WhisperModel(
                str(folder),
                device=self.options.device,
                compute_type=self.options.resolved_compute_type,
                cpu_threads=self.options.resolved_threads,
                local_files_only=True,
            )
        except (RuntimeError, ValueError, OSError) as exc:
            raise TranscriptionError(f"Whisper could not be loaded from {folder}: {_one_line(exc)}") from exc
        multilingual = self._model.model.is_multilingual
        self._tokenizer: Tokenizer = Tokenizer(
            self._model.hf_tokenizer,
            multilingual,
            task="transcribe" if multilingual else None,
            language="en" if multilingual else None,
        )

        self._hesitations = [ids[0] for ids in (self._tokenizer.encode(text) for text in HESITATIONS) if len(ids) == 1]

    def transcribe(self, window: Window) -> WindowText:
        """The words of one window, twice; both empty where there is too little voice.

        Raises: TranscriptionError if Whisper fails.
        """
        if sum(span.duration_s for span in window.voiced) < MIN_VOICE_S:
            return WindowText((), ())
        try:
            return self._transcribe(window)
        except (RuntimeError, ValueError) as exc:
            hint = "" if self.options.device == "cpu" else "; judge it again with --device cpu"
            raise TranscriptionError(f"Whisper failed: {_one_line(exc)}{hint}") from exc

    def _transcribe(self, window: Window) -> WindowText:
        """Both readings. Whisper sometimes stops at a pause: then the rest is encoded and read again."""
        words: list[Word] = []
        verbatim: list[Word] = []
        features = self._features(window)
        from_s = 0.0
        for _ in range(MOST_READINGS):
            encoded = self._model.encode(_from(features, from_s))
            plain, reached_s = self._decode(window, encoded, from_s, None)
            primed, _ = self._decode(window, encoded, from_s, PRIMING)
            more = bool(plain) and reached_s > from_s and _voice_after(window, reached_s) >= UNREAD_VOICE_S
            until_s = window.time_s(reached_s) if more else window.pieces[-1].end_s
            words += not_after(plain, until_s)
            # where the plain reading stopped early the primed one may have gone on: read once only
            verbatim += [word for word in primed if word.start_s < until_s]
            if not more:
                break
            from_s = reached_s
        return WindowText(_clean(words, window.voiced), _clean(verbatim, window.voiced))

    def _features(self, window: Window) -> npt.NDArray[np.float32]:
        """Whisper's features of a window, cut as faster-whisper cuts them: a frame more can change a word."""
        samples = np.asarray(window.samples)
        if len(samples) < MIN_ALIGN_S * SAMPLE_RATE_HZ:
            samples = np.pad(samples, (0, round(MIN_ALIGN_S * SAMPLE_RATE_HZ) - len(samples)))
        features: npt.NDArray[np.float32] = self._model.feature_extractor(samples)[:, :-1]
        return features

    def _decode(
        self, window: Window, encoded: ctranslate2.StorageView, from_s: float, prompt: str | None
    ) -> tuple[list[Word], float]:
        """One reading from `from_s` on: its words, and how far into the window they reach."""
        left_s = max(window.duration_s - from_s, MIN_ALIGN_S)
        reading = self._tokens(encoded, prompt, round(left_s * TOKENS_PER_S) + 16)
        written, read_s = self._finished(reading.tokens, left_s, lambda read_s: _voice_after(window, from_s + read_s))
        tokens, chances = self._with_doubtful(written, reading.hesitant)
        if not tokens:
            return [], from_s
        frames = min(round(left_s * SAMPLE_RATE_HZ / HOP), self._model.feature_extractor.nb_max_frames)
        aligned = self._model.find_alignment(self._tokenizer, [tokens], encoded, frames)
        parts = aligned[0] if aligned else []
        words = []
        place = 0
        for part in parts:
            words.append(
                Word(
                    text=_SPACES.sub(" ", part["word"]),
                    start_s=window.time_s(from_s + float(part["start"])),
                    end_s=window.time_s(from_s + float(part["end"]), ends=True),
                    confidence=chances.get(place, float(part["probability"])),
                )
            )
            place += len(part["tokens"])
        if prompt is None and self._glossary is not None:
            words = self._listened_for_terms(words, [len(part["tokens"]) for part in parts], tokens, encoded, frames)
        return words, from_s + min(read_s, left_s)

    def _listened_for_terms(
        self,
        parts: list[Word],
        lengths: Sequence[int],
        tokens: Sequence[int],
        encoded: ctranslate2.StorageView,
        frames: int,
    ) -> list[Word]:
        """The parts, each marked with the term that begins there by the sound, or with its refusal.

        lengths: tokens of each.
        """
        assert self._glossary is not None
        heads = [k for k, part in enumerate(parts) if _begins_a_word(part.text)]
        if not heads:
            # of a hum Whisper may write punctuation alone
            return parts
        whole = [_joined(parts[k:after])[0] for k, after in zip(heads, [*heads[1:], len(parts)], strict=True)]
        offsets = [0, *accumulate(lengths)]
        places = [offsets[k] for k in [*heads, len(parts)]]
        doubted = sorted(suspected(whole, self._glossary), key=lambda one: -one.promise)[:MOST_WEIGHED]
        if not doubted:
            return parts
        written = self._log_likelihoods(tokens, encoded, frames)
        weighed: list[tuple[float, Suspect]] = []
        for one in doubted:
            begin, end = places[one.first], places[one.first + one.count]
            first, last = whole[one.first].text, whole[one.first + one.count - 1].text
            term = self._tokenizer.encode(f" {head(first)}{one.term}{tail(last)}")
            following = tokens[end : end + JUDGED_AFTER]
            instead = self._log_likelihoods([*tokens[:begin], *term, *following], encoded, frames)
            ratio = instead[begin:].sum() - written[begin : end + len(following)].sum()
            weighed.append((float(ratio), one))
        marked = list(parts)
        for word, mark in heard_terms(whole, weighed, self._glossary).items():
            place = heads[word]
            marked[place] = replace(marked[place], sounds_like=mark)
        return marked

    def _log_likelihoods(
        self, tokens: Sequence[int], encoded: ctranslate2.StorageView, frames: int
    ) -> npt.NDArray[np.float64]:
        """How likely each of these tokens is after those before it, float64 [tokens], were they what is said here."""
        [found] = self._model.model.align(encoded, list(self._tokenizer.sot_sequence), [list(tokens)], frames)
        chances = np.asarray(found.text_token_probs, dtype=np.float64)
        logs: npt.NDArray[np.float64] = np.log(np.maximum(chances, 1e-9))
        return logs

    def _finished(
        self, written: list[int], left_s: float, voice_after: Callable[[float], float]
    ) -> tuple[list[int], float]:
        """What was read to its end, and how far into the audio that is.

        Alignment stretches the last word over whatever follows, so only the times that Whisper
        itself wrote say how far it read. Text after its last time is a segment that it began and
        did not finish: by its own rule that is dropped and read again from there. Where too little
        voice is left to be read again, it is kept.
        """
        begin = self._tokenizer.timestamp_begin
        last = max((k for k, token in enumerate(written) if token >= begin), default=None)
        if last is None:
            return written, left_s
        read_s = (written[last] - begin) * self._model.time_precision
        unfinished = any(token < self._tokenizer.eot for token in written[last + 1 :])
        kept = any(token < self._tokenizer.eot for token in written[:last])
        if unfinished and (not kept or voice_after(read_s) < UNREAD_VOICE_S):
            return written, left_s
        return written[: last + 1], read_s

    def _tokens(self, encoded: ctranslate2.StorageView, prompt: str | None, most: int) -> _Reading:
        """The best try."""
        from faster_whisper.transcribe import get_compression_ratio, get_suppressed_tokens

        tokenizer = self._tokenizer
        previous = tokenizer.encode(" " + prompt.strip()) if prompt else []
        start = self._model.get_prompt(tokenizer, previous, without_timestamps=False)
        tries: list[tuple[bool, float, _Reading]] = []
        for temperature in TEMPERATURES:
            result = self._model.model.generate(
                encoded,
                [start],
                beam_size=1,
                sampling_temperature=temperature or 1.0,
                sampling_topk=0 if temperature else 1,
                max_length=min(len(start) + most, self._model.max_length),
                return_scores=True,
                return_logits_vocab=prompt is not None,
                suppress_blank=True,
                suppress_tokens=list(get_suppressed_tokens(tokenizer, [-1])),
            )[0]
            tokens = list(result.sequences_ids[0])
            text = tokenizer.decode([token for token in tokens if token < tokenizer.eot]).strip()
            score = float(result.scores[0])
            loops = get_compression_ratio(text) > LOOPS_ABOVE
            hesitant = self._hesitant(tokens, result.logits[0]) if prompt is not None else {}
            tries.append((not loops, score, _Reading(tokens, hesitant)))
            if not loops and score >= UNSURE_BELOW:
                break
        return max(tries, key=lambda one: one[:2])[2]

    def _hesitant(self, tokens: list[int], logits: list[ctranslate2.StorageView]) -> dict[int, tuple[int, float]]:
        """Hesitations that were written, and those that were likely where another token was written.

        The chance is that of all spellings together: alignment's own confidence is of one spelling, and halves
        where "um" and "uh" are both in question. One passed over in the gap between two words at most, and
        none beside one that was written.
        """
        import ctranslate2

        found: dict[int, tuple[int, float]] = {}
        gap: int | None = None  # the place already taken in this gap between two words
        beside = False
        for place, (token, row) in enumerate(zip(tokens, logits, strict=False)):
            if self.options.device != "cpu":
                row = row.to_device(ctranslate2.Device.cpu)
            scores = np.asarray(row, dtype=np.float32).ravel()
            chances = np.exp(scores[self._hesitations] - scores.max()) / np.exp(scores - scores.max()).sum()
            chance = float(chances.sum())
            if token in self._hesitations:
                if gap is not None:
                    del found[gap]
                    gap = None
                found[place], beside = (token, chance), True
                continue
            if chance >= DOUBTFUL_FROM and not beside and (gap is None or chance > found[gap][1]):
                if gap is not None:
                    del found[gap]
                gap = place
                found[place] = (self._hesitations[int(chances.argmax())], chance)
            if token < self._tokenizer.eot and any(c.isalnum() for c in self._tokenizer.decode([token])):
                gap, beside = None, False
        return found

    def _with_doubtful(
        self, written: list[int], hesitant: dict[int, tuple[int, float]]
    ) -> tuple[list[int], dict[int, float]]:
        """Text tokens with the passed-over hesitations put in, so that alignment times them; how likely each is."""
        tokens: list[int] = []
        chances: dict[int, float] = {}
        for place, token in enumerate(written):
            if place in hesitant:
                hesitation, chance = hesitant[place]
                chances[len(tokens)] = chance
                if hesitation != token:
                    tokens.append(hesitation)
            if token < self._tokenizer.eot:
                tokens.append(token)
        return tokens, chances


def _from(features: npt.NDArray[np.float32], from_s: float) -> npt.NDArray[np.float32]:
    """The rest of a window's features, padded to 30 s."""
    from faster_whisper.audio import pad_or_trim

    padded: npt.NDArray[np.float32] = pad_or_trim(features[:, round(from_s * SAMPLE_RATE_HZ / HOP) :])
    return padded


def without_loops(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words with each decoder loop cut down to its first round.

    A loop is the same run of two to LOOP_LONGEST words LOOP_REPEATS times or more in a row, or one word
    LOOP_REPEATS_OF_ONE times.
    """
    keys = [re.sub(r"\W+", "", word.text.lower()) for word in words]
    kept: list[Word] = []
    i = 0
    while i < len(words):
        for length in range(1, LOOP_LONGEST + 1):
            rounds = 1
            run = keys[i : i + length]
            while keys[i + rounds * length : i + (rounds + 1) * length] == run:
                rounds += 1
            if rounds >= (LOOP_REPEATS_OF_ONE if length == 1 else LOOP_REPEATS):
                kept += words[i : i + length]
                i += rounds * length
                break
        else:
            kept.append(words[i])
            i += 1
    return tuple(kept)


def _clean(parts: list[Word], voiced: tuple[Span, ...]) -> tuple[Word, ...]:
    return _in_order(without_loops(_within_voice(_joined(parts), voiced)))


def not_after(words: list[Word], until_s: float) -> list[Word]:
    """The words with no time after the end of what was read.

    Alignment stretches the last words over whatever follows. The words that are read there next would all have to
    stand behind them.
    """
    return [replace(word, start_s=min(word.start_s, until_s), end_s=min(word.end_s, until_s)) for word in words]


def _in_order(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """No word starts before the one before it: where two readings meet, their times overlap a little."""
    ordered: list[Word] = []
    for word in words:
        start_s = max(word.start_s, ordered[-1].start_s if ordered else 0.0)
        ordered.append(replace(word, start_s=start_s, end_s=max(word.end_s, start_s)))
    return tuple(ordered)


def _begins_a_word(part: str) -> bool:
    return part.startswith(" ") and any(character.isalnum() for character in part)


def _joined(parts: Sequence[Word]) -> list[Word]:
    """Whole words from the tokenizer's parts: what has no space before it belongs to the word before.

    That is a full stop as well as the rest of "post-mortem", "2,000" and "o'clock".
    """
    words: list[Word] = []
    for part in parts:
        text = part.text.strip()
        if not text:
            continue
        if words and not _begins_a_word(part.text):
            last = words[-1]
            spoken = any(character.isalnum() for character in text)
            words[-1] = replace(last, text=last.text + text, end_s=part.end_s if spoken else last.end_s)
        else:
            words.append(replace(part, text=text))
    return words


def _voice_after(window: Window, offset_s: float) -> float:
    """Seconds of voice in a window after a point of its samples."""
    time_s = window.time_s(offset_s, ends=True)
    return sum(max(0.0, span.end_s - max(span.start_s, time_s)) for span in window.voiced)


def _within_voice(words: list[Word], voiced: tuple[Span, ...]) -> tuple[Word, ...]:
    """Only words with some voice near them; the others were invented over silence."""
    return tuple(
        word
        for word in words
        if any(word.start_s < span.end_s + VOICE_NEAR_S and word.end_s > span.start_s - VOICE_NEAR_S for span in voiced)
    )


def _one_line(error: BaseException) -> str:
    return _SPACES.sub(" ", str(error)).strip() or type(error).__name__
