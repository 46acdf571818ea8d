"""The shipped classifier on torch: for a GPU, and to check ONNX Runtime against. Needs the `train` extra.

There is one set of weights, the int8 ONNX file; here its numbers are put back into the torch
network. What remains between the two back ends is that ONNX Runtime also rounds activations.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from transformers import BertConfig, BertModel

from voice_coach.coverage.network import LifecycleNetwork, as_tensors
from voice_coach.errors import ModelDamagedError


class TorchBackend:
    """The network in torch, with the weights of `model.onnx`."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        settings = json.loads((folder / "classifier.json").read_text(encoding="utf-8"))["encoder"]
        config = BertConfig(**settings)
        self.network = LifecycleNetwork(BertModel(config, add_pooling_layer=False), config.hidden_size)
        self.network.load_state_dict(lifted_weights(folder / "model.onnx", self.network), strict=False)
        self.network.to(device).eval()
        self._device = device

    def logits(self, batch: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
        """Logits [batch, sentences, outputs] of a batch from packing.collate."""
        with torch.no_grad():
            found: npt.NDArray[np.float32] = self.network(**as_tensors(dict(batch), self._device)).float().cpu().numpy()
        return found


def lifted_weights(path: Path, network: LifecycleNetwork) -> dict[str, torch.Tensor]:
    """Every weight of the network, read back from a quantized ONNX file.

    The exporter keeps the names of biases and embeddings but not of the matrices, so each
    matrix is found by the bias that is added to its product; the one without a bias is the query.
    Raises: ModelDamagedError if one is missing.
    """
    graph = onnx.load(path).graph
    arrays = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    wanted = network.state_dict()
    found: dict[str, npt.NDArray[Any]] = {name: arrays[name] for name in wanted if name in arrays}
    for name in wanted:
        if f"{name}_quantized" in arrays:
            found[name] = _table(arrays, name)
    products = {node.output[0]: node for node in graph.node if node.op_type == "MatMulNBits"}
    for node in graph.node:
        for bias, product in (node.input, reversed(node.input)) if node.op_type == "Add" else ():
            name = f"{bias.removesuffix('.bias')}.weight"
            if name in wanted and product in products:
                found[name] = _matrix(arrays, products.pop(product))
    for node in products.values():
        found["query.weight"] = _matrix(arrays, node)
    missing = [name for name in wanted if name not in found and not name.endswith(("position_ids", "token_type_ids"))]
    if missing:
        raise ModelDamagedError(f"{path}: holds no {missing[0]}; install the program again")
    return {name: torch.from_numpy(np.array(array)) for name, array in found.items()}


def _table(arrays: Mapping[str, npt.NDArray[Any]], name: str) -> npt.NDArray[np.float32]:
    """Real numbers of an embedding table, which has a scale for every row."""
    real: npt.NDArray[np.float32] = arrays[f"{name}_quantized"].astype(np.float32) * arrays[f"{name}_scale"]
    return real


def _matrix(arrays: Mapping[str, npt.NDArray[Any]], node: onnx.NodeProto) -> npt.NDArray[np.float32]:
    """Real numbers of a matrix, [out, in]: bytes around 128, with a scale for every block of a row."""
    size = {one.name: one.i for one in node.attribute}
    whole = arrays[node.input[1]].astype(np.float32).reshape(size["N"], -1, size["block_size"]) - 128.0
    real: npt.NDArray[np.float32] = whole * arrays[node.input[2]].reshape(size["N"], -1, 1)
    return real.reshape(size["N"], -1)[:, : size["K"]]
