"""How training reads the corpus and scores itself: windows of tokens, predictions, F1 and thresholds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression
from tokenizers import Tokenizer

from voice_coach.coverage.corpus import Answer, Unit
from voice_coach.coverage.labels import LABELS, OUTPUTS, STAGES, STAR
from voice_coach.coverage.network import LifecycleNetwork, as_tensors
from voice_coach.coverage.packing import Packed, collate, pack, tokenize

Probabilities = npt.NDArray[np.float32]

TRAINING_CORE, TRAINING_CONTEXT = 440, 64
"""Tokens of a window that teach, and of context on either side: of a long answer more than at run time."""

BATCH_ON_GPU = 32
"""Windows that are read together; on a processor padding costs more than is saved."""

CUT_ANYWHERE = 0.3
"""So many answers are cut into windows at any place, not only where they grow too long for one."""


def targets(unit: Unit) -> list[float]:
    """1.0 for each output the unit carries, in the order of OUTPUTS."""
    return [float(label in unit.labels) for label in LABELS] + [float(bool(unit.specific))]


class Coder:
    """Tokenizer with the ids of its markers."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.cls_id = self._id("[CLS]", "<s>")
        self.sep_id = self._id("[SEP]", "</s>")
        self.pad_id = self._id("[PAD]", "<pad>")

    def _id(self, *names: str) -> int:
        return next(found for name in names if (found := self.tokenizer.token_to_id(name)) is not None)

    def windows(self, texts: Sequence[str]) -> list[Packed]:
        return pack(tokenize(self.tokenizer, texts), self.cls_id, self.sep_id)

    def training_windows(self, texts: Sequence[str], rng: random.Random) -> list[Packed]:
        first = rng.randint(TRAINING_CORE // 4, TRAINING_CORE) if rng.random() < CUT_ANYWHERE else None
        ids = tokenize(self.tokenizer, texts)
        return pack(ids, self.cls_id, self.sep_id, first_core=first, core=TRAINING_CORE, context=TRAINING_CONTEXT)


def predict(model: LifecycleNetwork, coder: Coder, answers: Sequence[Answer], device: str) -> npt.NDArray[np.float32]:
    """Logits, float32 [units, outputs], of all units in order."""
    return windows_logits(model, coder, [[unit.text for unit in answer.units] for answer in answers], device)


def windows_logits(
    model: LifecycleNetwork, coder: Coder, texts: Sequence[Sequence[str]], device: str, *, fast: bool = False
) -> npt.NDArray[np.float32]:
    """Logits, float32 [sentences, outputs], of all answers' sentences in order."""
    model.eval()
    at_once = 1 if device == "cpu" else BATCH_ON_GPU
    windows = [window for one in texts for window in coder.windows(one)]
    rows: list[npt.NDArray[np.float32]] = [np.zeros((0, len(OUTPUTS)), dtype=np.float32)] * len(windows)
    # windows of like length side by side waste less padding
    order = sorted(range(len(windows)), key=lambda k: len(windows[k].tokens))
    with torch.no_grad(), torch.autocast(device.partition(":")[0], dtype=torch.bfloat16, enabled=fast):
        for first in range(0, len(order), at_once):
            places = order[first : first + at_once]
            inputs = as_tensors(collate([windows[k] for k in places], coder.pad_id), device)
            logits = model(**inputs).float().cpu().numpy()
            for row, k in enumerate(places):
                rows[k] = logits[row, : len(windows[k].sentences)]
    return np.concatenate(rows)


def truth(answers: Sequence[Answer]) -> npt.NDArray[np.bool_]:
    return np.asarray([targets(unit) for answer in answers for unit in answer.units], dtype=bool)


def f1(predicted: npt.NDArray[np.bool_], actual: npt.NDArray[np.bool_]) -> float:
    """F1 of one label, 1.0 where it neither occurs nor is predicted."""
    both, either = int((predicted & actual).sum()), int(predicted.sum() + actual.sum())
    return 2 * both / either if either else 1.0


def best_thresholds(probabilities: npt.NDArray[np.float32], actual: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Per output, half of the best F1 that any threshold reaches.

    For calibrated probabilities that is the threshold of the best F1 (Lipton, Elkan & Narayanaswamy 2014,
    arXiv 1402.1892). The best F1 of a small dev split is known far better than where it is reached.
    """
    grid = np.linspace(0.1, 0.9, 81)
    chosen = [max(f1(probabilities[:, k] >= t, actual[:, k]) for t in grid) / 2.0 for k in range(actual.shape[1])]
    return np.asarray(chosen, dtype=np.float32)


def sigmoid(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return (1.0 / (1.0 + np.exp(-np.clip(x, -30, 30)))).astype(np.float32)


def calibrate(logits: npt.NDArray[np.float32], actual: npt.NDArray[np.bool_]) -> tuple[list[float], list[float]]:
    """Slope and offset of each output by Platt scaling.

    logits: float32 [units, outputs]. actual: bool, the same shape; each output is there and not there at least once.
    """
    slopes, offsets = [], []
    for k in range(actual.shape[1]):
        fit = LogisticRegression(C=10.0).fit(logits[:, k : k + 1], actual[:, k])
        slopes.append(float(fit.coef_[0, 0]))
        offsets.append(float(fit.intercept_[0]))
    return slopes, offsets


def calibrated(logits: npt.NDArray[np.float32], slopes: Sequence[float], offsets: Sequence[float]) -> Probabilities:
    """Probabilities, float32 [units, outputs], of logits read with these slopes and offsets."""
    return sigmoid(logits * np.asarray(slopes, dtype=np.float32) + np.asarray(offsets, dtype=np.float32))


def summary(logits: npt.NDArray[np.float32], actual: npt.NDArray[np.bool_]) -> dict[str, float]:
    """F1 per output and the two macro averages as they would ship: calibrated, thresholds chosen, on the same data."""
    probabilities = calibrated(logits, *calibrate(logits, actual))
    thresholds = best_thresholds(probabilities, actual)
    scores = {name: f1(probabilities[:, k] >= thresholds[k], actual[:, k]) for k, name in enumerate(OUTPUTS)}
    scores["stages"] = float(np.mean([scores[name] for name in STAGES]))
    scores["star"] = float(np.mean([scores[name] for name in STAR]))
    return scores
