#!/usr/bin/env python3
"""Score the shipped lifecycle classifier on the test split, beside its baselines and the second reader.

Usage:
  scripts/evaluate_coverage.py                  scores of the shipped model and the second reader
  scripts/evaluate_coverage.py --baselines      also keyword list, zero-shot, tf-idf and frozen encoder
  scripts/evaluate_coverage.py --write          put the tables into models/lifecycle/CARD.md
  scripts/evaluate_coverage.py --errors 30      print so many misread units

Everything that judges comes from the package: sentences, classifier, thresholds, whole-answer
judgement. No training reads the test split. Thresholds of the baselines are chosen
on the test split itself, in their favour.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parent))

from voice_coach.coverage.classifier import Classifier
from voice_coach.coverage.corpus import APART_WRITERS, DEV_WRITERS, Answer, Unit, read_corpus
from voice_coach.coverage.judgement import judge_answer
from voice_coach.coverage.labels import COWBOY, IMPACT, LABELS, STAGES, STAR
from voice_coach.coverage.sentences import line_sentences
from voice_coach.records import Coverage, JudgedSentence
from voice_coach.speech.model_files import LIFECYCLE, find, verified

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "models" / "lifecycle" / "data"
COVERED_STAGES = 3
"""An answer with this many stages heard is called covered, in the tables below only."""

HEARD_WHILE_TUNING = frozenset(
    ("t01-10", "t01-11", "t02-29", "t03-02", "t03-07", "t03-17", "t04-03", "t04-13", "t05-01", "t05-11")
)
"""Of the answers that were spoken and heard those whose first sentences are in the tuning half of
scripts/speak_delivery.py, too, by which thresholds of the ears were chosen."""

NOT_ANSWERING = ("off-topic", "denials", "lists tools", "talks about other people")
"""Kinds of the grid that must not be taken for coverage, by how their names begin."""

MISTAKES = ("purely_technical", "no_customer_impact", "root_cause_first", "heroic", "no_follow_through", "vague")
BOOL = npt.NDArray[np.bool_]

KEYWORDS = {
    "detection": "alert alerts alarm paged pagerduty prometheus datadog grafana cloudwatch monitoring dashboard logs metrics noticed",
    "severity": "sev severity sev-1 priority p1 blast commander ownership slo escalated escalate",
    "mitigation": "rollback rolled revert reverted failover failed restart restarted scaled mitigate mitigation stabilize hotfix flag",
    "communication": "channel slack bridge stakeholders updates update status communicated communication informed told leadership support",
    "prevention": "postmortem retrospective blameless root cause action items runbook prevent prevention review",
}
DESCRIPTIONS = {
    "detection": "How the incident was detected and triaged: an alert or report came in, dashboards and logs were checked.",
    "severity": "How severe the incident was, how many customers were hit, and who owned or commanded the response.",
    "mitigation": "What was done to stop the impact: rolling back, failing over, restarting, scaling, switching off.",
    "communication": "Who was told and gathered: incident channel, status updates, stakeholders, delegating work.",
    "prevention": "The root cause as established afterwards, the postmortem, action items and prevention.",
}


@dataclass(frozen=True)
class Score:
    """Precision, recall and F1 of one label, with how often it occurs."""

    precision: float
    recall: float
    f1: float
    support: int


def score(predicted: BOOL, actual: BOOL) -> Score:
    both = int((predicted & actual).sum())
    precision = both / predicted.sum() if predicted.sum() else 0.0
    recall = both / actual.sum() if actual.sum() else 0.0
    f1 = 2 * both / (predicted.sum() + actual.sum()) if predicted.sum() + actual.sum() else 1.0
    return Score(float(precision), float(recall), float(f1), int(actual.sum()))


def as_matrix(rows: Sequence[Sequence[str] | frozenset[str]]) -> BOOL:
    return np.asarray([[label in row for label in LABELS] for row in rows], dtype=bool)


def column(matrix: BOOL, label: str) -> BOOL:
    return matrix[:, LABELS.index(label)]


def macro(predicted: BOOL, actual: BOOL, labels: Sequence[str]) -> float:
    return float(np.mean([score(column(predicted, one), column(actual, one)).f1 for one in labels]))


def gold_level(answer: Answer, stage: str) -> str:
    carriers = [unit for unit in answer.units if stage in unit.labels]
    if not carriers:
        return "missing"
    return "strong" if any(stage in unit.specific for unit in carriers) else "mentioned"


def gold_mistakes(answer: Answer) -> set[str]:
    """The rubric's mistakes from the labels; the two that need a reader's eye from the header."""
    units = answer.units
    carried = set().union(*(unit.labels for unit in units)) if units else set()
    if not carried & set(STAGES):
        return set()
    found = set()
    if "communication" not in carried and len(carried & {"detection", "mitigation", "prevention"}) >= 2:
        found.add("purely_technical")
    if IMPACT not in carried:
        found.add("no_customer_impact")
    if COWBOY in carried:
        found.add("heroic")
    if "prevention" not in carried:
        found.add("no_follow_through")
    if answer.root_cause_first:
        found.add("root_cause_first")
    if answer.vague:
        found.add("vague")
    return found


def expected_calibration_error(probabilities: npt.NDArray[np.float64], actual: BOOL, bins: int = 10) -> float:
    """ECE over equal-width bins. Source: Guo et al. 2017, arXiv 1706.04599."""
    error, edges = 0.0, np.linspace(0.0, 1.0, bins + 1)
    for low, high in pairwise(edges):
        inside = (probabilities > low) & (probabilities <= high) if low else probabilities <= high
        if inside.any():
            error += inside.mean() * abs(probabilities[inside].mean() - actual[inside].mean())
    return float(error)


def label_table(
    predicted: BOOL, actual: BOOL, probabilities: npt.NDArray[np.float64], second: BOOL | None
) -> list[str]:
    lines = ["| label | P | R | F1 | support | ECE | second reader F1, after settling |"]
    lines.append("| --- | --- | --- | --- | --- | --- | --- |")
    for k, label in enumerate(LABELS):
        found = score(predicted[:, k], actual[:, k])
        ece = expected_calibration_error(probabilities[:, k], actual[:, k])
        reader = "" if second is None else f"{score(second[:, k], actual[:, k]).f1:.2f}"
        lines.append(
            f"| {label} | {found.precision:.2f} | {found.recall:.2f} | {found.f1:.2f} "
            f"| {found.support} | {ece:.3f} | {reader} |"
        )
    for name, labels in (("stages, macro", STAGES), ("STAR, macro", STAR)):
        reader = "" if second is None else f"{macro(second, actual, labels):.2f}"
        lines.append(f"| **{name}** | | | **{macro(predicted, actual, labels):.3f}** | | | {reader} |")
    return lines


def answer_table(answers: Sequence[Answer], judged: Sequence[Coverage]) -> list[str]:
    """Right answers about the whole: presence, levels, mistakes, off-subject."""
    pairs = list(zip(answers, judged, strict=True))
    levels = [(c.stages[s].level, gold_level(a, s)) for a, c in pairs for s in STAGES]
    on_subject = [any(unit.labels & set(STAGES) for unit in a.units) for a in answers]
    lines = ["| of the whole answer | right | of | the same said of all | found | false |"]
    lines.append("| --- | --- | --- | --- | --- | --- |")

    def row(name: str, found_and_told: Sequence[tuple[object, object]]) -> None:
        count = Counter(found_and_told)
        total, told = count.total(), Counter(told for _, told in found_and_told)
        right = sum(count[pair] for pair in count if pair[0] == pair[1])
        found = "| | |"
        if told.keys() <= {True, False}:
            found = f"| {count[True, True]} of {told[True]} | {count[True, False]} |"
        lines.append(f"| {name} | {right / total:.3f} | {total} | {max(told.values()) / total:.3f} {found}")

    row("stage present or not", presence(answers, judged))
    row("level: missing, mentioned, strong", levels)
    row("on the subject or not", [(c.on_subject, on) for (_, c), on in zip(pairs, on_subject, strict=True)])
    row("impact told or not", [(c.impact, any(IMPACT in unit.labels for unit in a.units)) for a, c in pairs])
    judged_on = [pair for pair, on in zip(pairs, on_subject, strict=True) if on]
    for name in MISTAKES:
        row(f"mistake: {name}", [(name in c.sure_mistakes, name in gold_mistakes(a)) for a, c in judged_on])
    return lines


def rows_of(answers: Sequence[Answer]) -> npt.NDArray[np.int64]:
    """For each unit, in order, which answer it belongs to."""
    return np.repeat(np.arange(len(answers)), [len(answer.units) for answer in answers])


def judge_units(classifier: Classifier, answers: Sequence[Answer]) -> list[tuple[JudgedSentence, ...]]:
    """Each answer's units as the classifier reads them, one for one."""
    return [classifier.judge(line_sentences("\n".join(unit.text for unit in one.units))) for one in answers]


def as_read(judged: Sequence[Sequence[JudgedSentence]], answers: Sequence[Answer]) -> tuple[BOOL, BOOL]:
    """Labels found and labels given, bool [units, labels] each."""
    predicted = as_matrix([one.assigned for answer in judged for one in answer])
    return predicted, as_matrix([unit.labels for answer in answers for unit in answer.units])


def judge_whole(classifier: Classifier, judged: Sequence[Sequence[JudgedSentence]]) -> list[Coverage]:
    calibration = classifier.calibration
    return [judge_answer(one, calibration.threshold, calibration.doubt) for one in judged]


def presence(answers: Sequence[Answer], whole: Sequence[Coverage]) -> list[tuple[bool, bool]]:
    """Of each answer and stage, whether it is found, and whether it is told."""
    return [
        (coverage.stages[stage].level != "missing", gold_level(answer, stage) != "missing")
        for answer, coverage in zip(answers, whole, strict=True)
        for stage in STAGES
    ]


def presence_right(answers: Sequence[Answer], whole: Sequence[Coverage]) -> list[bool]:
    """Of each answer and stage, whether it is rightly taken to be told or not."""
    return [found == told for found, told in presence(answers, whole)]


def wrongly_staged(predicted: BOOL, actual: BOOL) -> float:
    """Share of the units that get a stage which no reader gave them."""
    stages = slice(0, len(STAGES))
    return float((predicted[:, stages] & ~actual[:, stages]).any(axis=1).mean())


def slice_table(answers: Sequence[Answer], grid: dict[str, dict[str, str]], predicted: BOOL, actual: BOOL) -> list[str]:
    """Stage macro-F1 by kind of answer, and how often a unit is given a stage that it does not carry."""
    rows = rows_of(answers)
    words = [sum(len(unit.text.split()) for unit in answer.units) for answer in answers]
    kinds: dict[str, list[bool]] = {}
    for key in ("level", "quality", "keywords"):
        for value in sorted({grid[answer.id][key] for answer in answers}):
            kinds[f"{key}: {value}"] = [grid[answer.id][key] == value for answer in answers]
    for part in ("transcript", "fillers", "non-native", "cut oddly", "British", "Indian"):
        kinds[f"voice: {part}"] = [part in grid[answer.id]["voice"] for answer in answers]
    hard = [bool(grid[answer.id].get("traps")) for answer in answers]
    kinds["grid: plain"] = [not one for one in hard]
    kinds["grid: hard"] = hard
    kinds["follow-up questions"] = [answer.question != "main" for answer in answers]
    kinds["under 60 words"] = [count < 60 for count in words]
    lines = ["| slice | answers | stage macro-F1 | units wrongly given a stage |", "| --- | --- | --- | --- |"]
    stages = slice(0, len(STAGES))
    for name, chosen in kinds.items():
        inside = np.asarray(chosen)[rows]
        if not inside.any():
            continue
        p, a = predicted[inside], actual[inside]
        wrong = wrongly_staged(p, a)
        f1 = f"{macro(p, a, STAGES):.2f}" if a[:, stages].any(axis=0).all() else "–"
        lines.append(f"| {name} | {sum(chosen)} | {f1} | {wrong:.1%} |")
    return lines


def read_grid() -> dict[str, dict[str, str]]:
    """The cells of all grids, by answer."""
    rows: dict[str, dict[str, str]] = {}
    for path in sorted(DATA.glob("grid*.tsv")):
        with path.open(encoding="utf-8") as file:
            rows |= {f"{row['writer']}-{row['answer']}": row for row in csv.DictReader(file, delimiter="\t")}
    return rows


def not_answering_table(
    answers: Sequence[Answer],
    grid: dict[str, dict[str, str]],
    judged: Sequence[Coverage],
    predicted: BOOL,
    actual: BOOL,
) -> list[str]:
    """Off-topic answers, denials, lists of tools and other people's stories: what they are taken for."""
    rows = rows_of(answers)
    lines = [
        "| kind | answers | units wrongly given a stage | called covered | of them by their labels |",
        "| --- | --- | --- | --- | --- |",
    ]
    for kind in NOT_ANSWERING:
        chosen = [k for k, answer in enumerate(answers) if grid[answer.id]["quality"].startswith(kind)]
        if not chosen:
            continue
        inside = np.isin(rows, chosen)
        heard = [sum(s.level != "missing" for s in judged[k].stages.values()) >= COVERED_STAGES for k in chosen]
        gold = [sum(gold_level(answers[k], s) != "missing" for s in STAGES) >= COVERED_STAGES for k in chosen]
        lines.append(
            f"| {kind} | {len(chosen)} | {wrongly_staged(predicted[inside], actual[inside]):.1%} | {sum(heard)} "
            f"| {sum(h and g for h, g in zip(heard, gold, strict=True))} |"
        )
    return lines


def speech_table(
    classifier: Classifier, heard: Sequence[Answer], written: Sequence[Answer], read: Mapping[str, Sequence[Answer]]
) -> list[str]:
    """The same answers as they were written, and as the product's own ears took them down.

    read: the second reader's labels of each; the reader of what was heard did not see what was written.
    """
    lines = [
        "| the same answers | of | sentences | stage macro-F1 | STAR macro-F1 | stage present or not "
        "| second reader, stages |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    named = {answer.id: answer for answer in written}
    losses = []
    for whose, chosen in (
        ("", heard),
        (", words that tuned nothing", [answer for answer in heard if answer.id not in HEARD_WHILE_TUNING]),
    ):
        by_reader, by_model = [], []
        for name, answers in (("as written", [named[answer.id] for answer in chosen]), ("spoken and heard", chosen)):
            judged = judge_units(classifier, answers)
            predicted, actual = as_read(judged, answers)
            # what is present is what the writer put in, whatever became of it on the way
            present = presence_right([named[answer.id] for answer in answers], judge_whole(classifier, judged))
            second = {answer.id: answer for answer in read[name]}
            reader = as_matrix([unit.labels for answer in answers for unit in second[answer.id].units])
            lines.append(
                f"| {name}{whose} | {len(answers)} | {len(actual)} | {macro(predicted, actual, STAGES):.3f} "
                f"| {macro(predicted, actual, STAR):.3f} | {np.mean(present):.3f} | {macro(reader, actual, STAGES):.3f} |"
            )
            by_model.append((predicted, actual, rows_of(answers)))
            by_reader.append((reader, actual, rows_of(answers)))
        for who, pair in (("the classifier", by_model), ("the second reader", by_reader)):
            low, middle, high = loss_on_the_way(pair, len(chosen))
            losses.append(f"- {who}{whose}: {middle:.3f} ({low:.3f} to {high:.3f})")
    return [*lines, "", "Stage macro-F1 lost on the way (95% of what other such answers would show):", "", *losses]


def loss_on_the_way(
    forms: Sequence[tuple[BOOL, BOOL, npt.NDArray[np.int64]]], answers: int, draws: int = 2_000
) -> tuple[float, float, float]:
    """Stage macro-F1 of the first form less that of the second: 2.5th percentile, the figure itself, 97.5th.

    forms: labels found and given, and which answer each unit belongs to, of the same answers in the same order. The
    percentiles are of answers drawn anew with replacement (Efron 1979), the same ones in both forms.
    """
    stages = slice(0, len(STAGES))
    counts = []  # of each form: found rightly, found, given; [answers, 3, stages]
    for predicted, actual, rows in forms:
        table = np.zeros((answers, 3, len(STAGES)))
        for k, column in enumerate((predicted & actual, predicted, actual)):
            np.add.at(table[:, k], rows, column[:, stages].astype(np.float64))
        counts.append(table)

    def loss(chosen: npt.NDArray[np.int64]) -> float:
        (right, found, given), (right_then, found_then, given_then) = (one[chosen].sum(axis=0) for one in counts)
        return float(np.mean(2 * right / (found + given)) - np.mean(2 * right_then / (found_then + given_then)))

    rng = np.random.default_rng(0)
    drawn = [loss(rng.integers(0, answers, answers)) for _ in range(draws)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), loss(np.arange(answers)), float(high)


def apart_table(classifier: Classifier, written: Sequence[Answer], in_parts: Sequence[Answer]) -> list[str]:
    """How answers are read that neither taught the model nor chose its thresholds; those that a reader cut, both ways."""
    lines = [
        "| answers | of | stage macro-F1 | STAR macro-F1 | stage present or not | impact F1 | cowboy P / R "
        "| units wrongly given a stage |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for writer, kind in APART_WRITERS.items():
        whole = [answer for answer in written if answer.writer == writer]
        if not whole:
            raise SystemExit(f"{writer} of APART_WRITERS (voice_coach/coverage/corpus.py) wrote nothing here")
        parts = [answer for answer in in_parts if answer.writer == writer]
        cut = {answer.id for answer in parts}
        forms = {
            kind: whole,
            "those that were cut": [one for one in whole if one.id in cut],
            "the same in parts": parts,
        }
        if not parts:
            forms = {kind: whole}
        for form, answers in forms.items():
            judged = judge_units(classifier, answers)
            predicted, actual = as_read(judged, answers)
            present = presence_right(answers, judge_whole(classifier, judged))
            impact, cowboy = (score(column(predicted, one), column(actual, one)) for one in (IMPACT, COWBOY))
            reckless = f"{cowboy.precision:.2f} / {cowboy.recall:.2f}" if column(actual, COWBOY).any() else "–"
            lines.append(
                f"| `{writer}`: {form} | {len(answers)} | {macro(predicted, actual, STAGES):.3f} "
                f"| {macro(predicted, actual, STAR):.3f} | {np.mean(present):.3f} | {impact.f1:.2f} "
                f"| {reckless} | {wrongly_staged(predicted, actual):.1%} |"
            )
    return lines


def best_f1(scores: npt.NDArray[np.float64], actual: BOOL) -> float:
    return max(score(scores >= t, actual).f1 for t in np.unique(np.quantile(scores, np.linspace(0, 1, 200))))


def with_neighbours(answers: Sequence[Answer]) -> list[str]:
    rows = []
    for answer in answers:
        texts = ["", *(unit.text for unit in answer.units), ""]
        rows += [" ".join(texts[k - 1 : k + 2]) for k in range(1, len(texts) - 1)]
    return rows


def minilm() -> Callable[[Sequence[str]], npt.NDArray[np.float64]]:
    """all-MiniLM-L6-v2: texts to unit vectors, [n, 384]."""
    import torch
    from fetch_encoder import fetch
    from transformers import AutoModel, AutoTokenizer

    folder = fetch("minilm", ROOT / "build" / "encoders")
    tokenizer, encoder = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()

    def embed(texts: Sequence[str]) -> npt.NDArray[np.float64]:
        rows = []
        with torch.no_grad():
            for k in range(0, len(texts), 64):
                batch = tokenizer(
                    list(texts[k : k + 64]), padding=True, truncation=True, max_length=128, return_tensors="pt"
                )
                hidden, mask = encoder(**batch).last_hidden_state, batch["attention_mask"].unsqueeze(-1)
                rows.append(torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1).numpy())
        return np.concatenate(rows).astype(np.float64)

    return embed


def baselines(train: Sequence[Answer], test: Sequence[Answer], actual: BOOL) -> list[str]:
    """Stage macro-F1 of the easy ways."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    units = [unit for answer in test for unit in answer.units]
    learnt = [unit for answer in train for unit in answer.units]
    goal = as_matrix([unit.labels for unit in learnt])

    def learned(features: object, held: object) -> float:
        found = []
        for stage in STAGES:
            fit = LogisticRegression(C=4.0, max_iter=2000, class_weight="balanced").fit(features, column(goal, stage))
            found.append(best_f1(fit.predict_proba(held)[:, 1], column(actual, stage)))
        return float(np.mean(found))

    def keyword() -> float:
        hits = as_matrix(
            [
                [s for s in STAGES if set(re.findall(r"[\w-]+", unit.text.lower())) & set(KEYWORDS[s].split())]
                for unit in units
            ]
        )
        return macro(hits, actual, STAGES)

    embed = minilm()

    def zero_shot() -> float:
        here, there = embed([unit.text for unit in units]), embed([DESCRIPTIONS[stage] for stage in STAGES])
        return float(np.mean([best_f1(here @ there[k], column(actual, stage)) for k, stage in enumerate(STAGES)]))

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    tfidf = vectorizer.fit_transform([unit.text for unit in learnt])
    held = vectorizer.transform([unit.text for unit in units])
    ways: dict[str, Callable[[], float]] = {
        "keyword list": keyword,
        "zero-shot MiniLM": zero_shot,
        "tf-idf + logistic regression, trained on this corpus": lambda: learned(tfidf, held),
        "frozen MiniLM + linear head, with both neighbours": lambda: learned(
            np.hstack([embed([u.text for u in learnt]), embed(with_neighbours(train))]),
            np.hstack([embed([u.text for u in units]), embed(with_neighbours(test))]),
        ),
    }
    return [
        "| baseline | stage macro-F1 |",
        "| --- | --- |",
        *(f"| {name} | {way():.2f} |" for name, way in ways.items()),
    ]


def write_card(sections: dict[str, list[str]]) -> None:
    """Replace what stands between the card's markers, section by section."""
    path = ROOT / "models" / "lifecycle" / "CARD.md"
    text = path.read_text(encoding="utf-8")
    for name, lines in sections.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not pattern.search(text):
            raise SystemExit(f"{path}: has no section <!-- {name} -->")
        text = pattern.sub(lambda found, new="\n".join(lines): f"{found[1]}{new}\n{found[2]}", text)
    path.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--baselines", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--errors", type=int, default=0)
    parser.add_argument("--model", type=Path, help="another model folder than the shipped one")
    parser.add_argument(
        "--split", choices=("test", "dev"), default="test", help="dev: to look at errors without peeking"
    )
    args = parser.parse_args()
    if args.write and (args.split != "test" or args.model is not None):
        parser.error("--write is for the shipped model and the test split, of which the card tells")
    train, test = (read_corpus(sorted((DATA / split).glob("*.txt"))) for split in ("train", "test"))
    answers = test if args.split == "test" else tuple(a for a in train if a.writer in DEV_WRITERS)
    classifier = Classifier(args.model or verified(find(LIFECYCLE)))
    sentences = judge_units(classifier, answers)
    calibration = classifier.calibration
    judged = judge_whole(classifier, sentences)
    units: list[Unit] = [unit for answer in answers for unit in answer.units]
    flat = [one for answer in sentences for one in answer]
    predicted, actual = as_read(sentences, answers)
    probabilities = np.asarray([[one.labels[label] for label in LABELS] for one in flat])
    second = None
    if args.split == "test":
        other = {a.id: a for a in read_corpus(sorted((DATA / "second_reading").glob("t*.txt")))}
        if other.keys() >= {answer.id for answer in answers}:
            second = as_matrix([unit.labels for answer in answers for unit in other[answer.id].units])
    sections = {
        "labels": label_table(predicted, actual, probabilities, second),
        "answers": answer_table(answers, judged),
    }
    if args.split == "test":
        grid = read_grid()
        sections["not_answering"] = not_answering_table(answers, grid, judged, predicted, actual)
        sections["slices"] = slice_table(answers, grid, predicted, actual)
        heard = read_corpus(sorted((DATA / "speech" / "test").glob("*.txt")))
        if heard:
            folders = {"as written": DATA / "second_reading", "spoken and heard": DATA / "second_reading" / "speech"}
            read = {name: read_corpus(sorted(folder.glob("t*.txt"))) for name, folder in folders.items()}
            sections["speech"] = speech_table(classifier, heard, answers, read)
        in_parts = read_corpus(sorted((DATA / "cut").glob("*.txt")))
        sections["apart"] = apart_table(classifier, train, in_parts)
    if args.baselines:
        silent = {*DEV_WRITERS, *APART_WRITERS}
        sections["baselines"] = baselines([one for one in train if one.writer not in silent], answers, actual)
    print(f"{calibration.name}: {len(answers)} answers, {len(units)} units of the {args.split} split\n")
    for lines in sections.values():
        print("\n".join(lines), end="\n\n")
    wrong = [k for k in range(len(units)) if (predicted[k, :5] != actual[k, :5]).any()]
    for k in wrong[: args.errors]:
        print(f"gold {sorted(units[k].labels)}  found {sorted(flat[k].assigned)}\n    {units[k].text}")
    if args.write:
        write_card(sections)


if __name__ == "__main__":
    main()
