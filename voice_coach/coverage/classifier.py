"""The lifecycle classifier at the desk: int8 ONNX, no torch.

A model folder holds `model.onnx`, `tokenizer.json` and `classifier.json`: the outputs in order,
how logits become probabilities (Platt scaling fitted on the dev split), the threshold of each
label, and the band in which the model is not sure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from voice_coach.coverage.labels import LABELS, OUTPUTS, SPECIFIC
from voice_coach.coverage.packing import collate, marker, pack, tokenize
from voice_coach.errors import ModelDamagedError
from voice_coach.records import JudgedSentence, Sentence

if TYPE_CHECKING:
    import onnxruntime
    from tokenizers import Tokenizer

    from voice_coach.coverage.packing import Packed

SLOW_FUSIONS = ("SkipLayerNormFusion",)
"""ONNX Runtime's optimizers that cost time. In 1.32 this kernel adds and normalizes 389 tokens in 0.7 ms on one core
with AVX-512, its two parts in 0.3: of 25 sentences a twelfth."""

BATCH = 4
"""Windows judged at a time: bounds memory for an answer of any length."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How logits are read. Each mapping is keyed by output.

    slope, offset: probability = sigmoid(slope * logit + offset). Source: Platt 1999.
    threshold: probability from which a label is assigned. doubt: half-width of the band around
    the threshold at whose rim the dev split shows the model to be right two times in three.
    """

    name: str
    slope: Mapping[str, float]
    offset: Mapping[str, float]
    threshold: Mapping[str, float]
    doubt: float

    @classmethod
    def read(cls, folder: Path) -> Calibration:
        """Raises: ModelDamagedError if the file does not fit this version of the program."""
        path = folder / "classifier.json"
        try:
            raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if tuple(raw["outputs"]) != OUTPUTS:
                raise ValueError("other outputs")
            return cls(
                name=str(raw["name"]),
                slope=_column(raw["slope"]),
                offset=_column(raw["offset"]),
                threshold=_column(raw["threshold"]),
                doubt=float(raw["doubt"]),
            )
        except (ValueError, KeyError, TypeError) as exc:
            raise ModelDamagedError(f"{path}: does not fit this version; install the program again") from exc

    def probabilities(self, logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Calibrated probabilities, float32 [n, outputs], 0 to 1."""
        slope = np.asarray([self.slope[name] for name in OUTPUTS], dtype=np.float32)
        offset = np.asarray([self.offset[name] for name in OUTPUTS], dtype=np.float32)
        scaled = np.clip(logits * slope + offset, -30.0, 30.0)
        chances: npt.NDArray[np.float32] = (1.0 / (1.0 + np.exp(-scaled))).astype(np.float32)
        return chances


class Backend(Protocol):
    """Runs the network: a batch from packing.collate in, logits [batch, sentences, outputs] out."""

    def logits(self, batch: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]: ...


class OnnxBackend:
    """The network on ONNX Runtime, on the CPU."""

    def __init__(self, folder: Path, threads: int = 0) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self._session: onnxruntime.InferenceSession = onnxruntime.InferenceSession(
                str(folder / "model.onnx"),
                sess_options=options,
                providers=["CPUExecutionProvider"],
                disabled_optimizers=list(SLOW_FUSIONS),
            )
        except Exception as exc:  # onnxruntime's own errors share no public base class
            raise ModelDamagedError(f"{folder / 'model.onnx'}: can't be loaded; install the program again") from exc

    def logits(self, batch: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
        """One window at a time, without padding: what ships has no mask, and on a core of its own nothing is lost."""
        rows = []
        for ids, mask, pool in zip(batch["input_ids"], batch["attention_mask"], batch["pool"], strict=True):
            length = int(mask.sum())
            window = {"input_ids": ids[None, :length], "pool": pool[None, :, :length]}
            rows.append(self._session.run(["logits"], window)[0])
        output: npt.NDArray[np.float32] = np.concatenate(rows)
        return output


def gpu_backend(folder: Path) -> Backend | None:
    """The torch back end on the GPU; None where the `train` extra is not installed or torch sees no GPU."""
    if not all(find_spec(name) for name in ("torch", "transformers", "onnx")):
        return None
    import torch

    if not torch.cuda.is_available():
        return None
    from voice_coach.coverage.torch_backend import TorchBackend

    return TorchBackend(folder, "cuda")


class Classifier:
    """Sentences in context to labels."""

    def __init__(self, folder: Path, backend: Backend | None = None, threads: int = 0) -> None:
        from tokenizers import Tokenizer

        self.calibration = Calibration.read(folder)
        self._tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._backend = backend or OnnxBackend(folder, threads)

    def logits(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Raw outputs, float32 [sentences, outputs]; the texts are one answer, in order."""
        rows: list[npt.NDArray[np.float32]] = []
        windows = self._windows(texts)
        for k in range(0, len(windows), BATCH):
            part = windows[k : k + BATCH]
            found = self._backend.logits(collate(part))
            rows += [found[row, : len(window.sentences)] for row, window in enumerate(part)]
        return np.concatenate(rows) if rows else np.zeros((0, len(OUTPUTS)), dtype=np.float32)

    def judge(self, sentences: Sequence[Sentence]) -> tuple[JudgedSentence, ...]:
        """Every sentence of one answer, in order, with its probabilities and labels."""
        probabilities = self.calibration.probabilities(self.logits([one.text for one in sentences]))
        threshold = self.calibration.threshold
        judged = []
        for sentence, row in zip(sentences, probabilities, strict=True):
            chance = {name: float(row[k]) for k, name in enumerate(OUTPUTS)}
            blank = not sentence.text.strip()
            assigned = () if blank else tuple(name for name in LABELS if chance[name] >= threshold[name])
            judged.append(
                JudgedSentence(
                    text=sentence.text,
                    start_s=sentence.start_s,
                    end_s=sentence.end_s,
                    labels={name: 0.0 if blank else chance[name] for name in LABELS},
                    assigned=assigned,
                    specific=0.0 if blank else chance[SPECIFIC],
                )
            )
        return tuple(judged)

    def _windows(self, texts: Sequence[str]) -> list[Packed]:
        cls_id, sep_id = marker(self._tokenizer, "[CLS]"), marker(self._tokenizer, "[SEP]")
        return pack(tokenize(self._tokenizer, texts), cls_id, sep_id)


def _column(raw: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(raw[name]) for name in OUTPUTS}
