"""From trained weights to the model folder: int8 ONNX, tokenizer, calibration and thresholds."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from coverage_scores import Coder, best_thresholds, calibrate, calibrated, predict, sigmoid, summary, truth
from onnx import numpy_helper
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from transformers import AutoConfig

from voice_coach.coverage.classifier import Classifier
from voice_coach.coverage.corpus import Answer
from voice_coach.coverage.labels import OUTPUTS, STAGES
from voice_coach.coverage.network import LifecycleNetwork, as_tensors
from voice_coach.coverage.packing import collate

ENCODER_SETTINGS = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
    "hidden_act",
    "layer_norm_eps",
)
"""What the torch back end needs to build the encoder again."""

QUANTIZED_BLOCK = 128
"""Weights that share a scale."""


RIM = 0.02
"""Width of the ring in which the doubtful band's rim is measured."""

FEWEST_IN_RIM = 30
"""Sentences in a ring under which its share of right ones is not believed."""

WIDEST_DOUBT = 0.3
"""No band reaches further; calibrated probabilities leave doubt sooner."""


def doubtful_band(
    probabilities: npt.NDArray[np.float32], actual: npt.NDArray[np.bool_], thresholds: npt.NDArray[np.float32]
) -> float:
    """Half-width of the band around the thresholds at whose rim stages are right two times in three.

    Nearer to a threshold they are right less often: going outwards ring by ring, the band ends before the first that
    reaches it. Twice as often right as wrong is ours: from there a plain word is fairer than a doubt.
    """
    stages = slice(0, len(STAGES))
    away = np.abs(probabilities[:, stages] - thresholds[stages])
    right = (probabilities[:, stages] >= thresholds[stages]) == actual[:, stages]
    for k in range(round(WIDEST_DOUBT / RIM)):
        ring = (away > k * RIM) & (away <= (k + 1) * RIM)
        if ring.sum() >= FEWEST_IN_RIM and right[ring].mean() >= 2 / 3:
            return round(k * RIM, 2)
    return WIDEST_DOUBT


def export_onnx(model: LifecycleNetwork, coder: Coder, answers: Sequence[Answer], folder: Path) -> Path:
    """The network as int8 ONNX; sentences and tokens may vary."""
    windows = [window for answer in answers[:3] for window in coder.windows([unit.text for unit in answer.units])]
    exported = export_exact(
        model.to("cpu").float().eval(), as_tensors(collate(windows[:3], coder.pad_id), "cpu"), folder
    )
    # Eight bits a weight, with a scale for every block of QUANTIZED_BLOCK: rounding whole matrices, and
    # activations by whole tensors, moved probabilities by up to 0.19.
    quantize_tables(exported.graph)
    blocks = MatMulNBitsQuantizer(exported, bits=8, block_size=QUANTIZED_BLOCK, is_symmetric=True, accuracy_level=4)
    blocks.process()
    small = folder / "model.onnx"
    blocks.model.save_model_to_file(str(small))
    return small


def export_exact(model: LifecycleNetwork, example: Mapping[str, torch.Tensor], folder: Path) -> onnx.ModelProto:
    """The network as ONNX in real numbers, for one window without padding at a time; folder holds it meanwhile."""
    exact = folder / "model.fp32.onnx"
    # torch's own attention leaves guards against rows that are masked whole, and another graph
    model.encoder.set_attn_implementation("eager")
    batch, tokens, sentences = (torch.export.Dim(name, min=1) for name in ("batch", "tokens", "sentences"))
    torch.onnx.export(
        model,
        (example["input_ids"], example["attention_mask"], example["pool"]),
        str(exact),
        input_names=["input_ids", "attention_mask", "pool"],
        output_names=["logits"],
        dynamic_shapes={
            "input_ids": {0: batch, 1: tokens},
            "attention_mask": {0: batch, 1: tokens},
            "pool": {0: batch, 1: sentences, 2: tokens},
        },
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    exported = onnx.load(exact)
    exact.unlink()
    layers = fuse_attention(exported.graph, model.encoder.config.num_attention_heads)
    if layers != model.encoder.config.num_hidden_layers:
        raise ValueError(f"attention of {layers} layers was found in the exported graph; has the exporter changed?")
    exported.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    return exported


def fuse_attention(graph: onnx.GraphProto, heads: int) -> int:
    """Each layer's attention as one node, without a mask: a tenth less time for 500 tokens on one core.

    ONNX Runtime has a kernel that never writes out the heads' tables of every token against every other,
    but only where nothing is masked; a window that is run by itself has no padding to mask. Gives the number of layers.
    """
    layers = 0
    made_by = {output: node for node in graph.node for output in node.output}
    numbers = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)

    def shaped(node: onnx.NodeProto, place: int) -> str:
        """What becomes an input of a node once it is split into heads."""
        return made_by[made_by[node.input[place]].input[0]].input[0]

    for softmax in [node for node in graph.node if node.op_type == "Softmax"]:
        scaled = made_by[made_by[softmax.input[0]].input[0]]
        scores = made_by[scaled.input[0]]
        # the head's own attention, over a sentence's tokens, is no product of two
        if scores.op_type != "MatMul":
            continue
        (mixed,) = readers[softmax.output[0]]
        (turned,) = readers[mixed.output[0]]
        (joined,) = readers[turned.output[0]]
        fused = onnx.helper.make_node(
            "MultiHeadAttention",
            [shaped(scores, 0), shaped(scores, 1), shaped(mixed, 1)],
            list(joined.output),
            domain="com.microsoft",
            num_heads=heads,
            scale=float(numbers[scaled.input[1]]),
        )
        place = list(graph.node).index(joined)
        graph.node.remove(joined)
        graph.node.insert(place, fused)
        layers += 1
    for node in graph.node:
        if node.op_type == "Shape" and node.input[0] == "attention_mask":
            node.input[0] = "input_ids"  # of the same shape, and still there
    _drop_unread(graph)
    return layers


def _drop_unread(graph: onnx.GraphProto) -> None:
    """Take out what no output rests on: nodes, numbers, inputs."""
    read = {output.name for output in graph.output}
    kept: list[onnx.NodeProto] = []
    for node in reversed(graph.node):
        if read & set(node.output):
            read.update(node.input)
            kept.append(node)
    del graph.node[:]
    graph.node.extend(reversed(kept))
    for values in (graph.initializer, graph.input):
        wanted = [one for one in values if one.name in read]
        del values[:]
        values.extend(wanted)


def quantize_tables(graph: onnx.GraphProto) -> None:
    """Embedding tables as int8 with a scale for every row: rare words keep their small numbers."""
    for node in [node for node in graph.node if node.op_type == "Gather"]:
        table = next((one for one in graph.initializer if one.name == node.input[0]), None)
        if table is None or len(table.dims) != 2:
            continue
        real = numpy_helper.to_array(table)
        scale = np.maximum(np.abs(real).max(axis=1, keepdims=True), 1e-12) / 127.0
        name, ids, output = table.name, node.input[1], node.output[0]
        graph.initializer.remove(table)
        graph.initializer.extend(
            [
                numpy_helper.from_array(np.round(real / scale).astype(np.int8), f"{name}_quantized"),
                numpy_helper.from_array(scale.astype(np.float32), f"{name}_scale"),
            ]
        )
        place = list(graph.node).index(node)
        graph.node.remove(node)
        steps = [
            onnx.helper.make_node("Gather", [f"{name}_quantized", ids], [f"{output}_whole"]),
            onnx.helper.make_node("Cast", [f"{output}_whole"], [f"{output}_real"], to=onnx.TensorProto.FLOAT),
            onnx.helper.make_node("Gather", [f"{name}_scale", ids], [f"{output}_scale"]),
            onnx.helper.make_node("Mul", [f"{output}_real", f"{output}_scale"], [output]),
        ]
        for offset, step in enumerate(steps):
            graph.node.insert(place + offset, step)


def ship(
    model: LifecycleNetwork,
    coder: Coder,
    dev: Sequence[Answer],
    recipes: Sequence[object],
    source: Path,
    out: Path,
) -> None:
    """Write the model folder: int8 ONNX, tokenizer, calibration and thresholds of the int8 model.

    recipes: how the weights that were averaged came about; kept with the model.
    """
    logits, actual = predict(model, coder, dev, "cpu"), truth(dev)
    # what is in `out` is replaced only by a model that is whole
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary)
        export_onnx(model, coder, dev, made)
        (made / "tokenizer.json").write_bytes((source / "tokenizer.json").read_bytes())
        write_classifier_file(
            made, source, recipes, np.ones(len(OUTPUTS)), np.zeros(len(OUTPUTS)), np.full(len(OUTPUTS), 0.5), 0.05
        )
        # what ships is calibrated as it ships: on the logits of the int8 model
        shipped = Classifier(made)
        small = np.concatenate([shipped.logits([unit.text for unit in answer.units]) for answer in dev])
        slopes, offsets = calibrate(small, actual)
        probabilities = calibrated(small, slopes, offsets)
        thresholds = best_thresholds(probabilities, actual)
        doubt = doubtful_band(probabilities, actual, thresholds)
        write_classifier_file(made, source, recipes, slopes, offsets, thresholds, doubt)
        out.mkdir(parents=True, exist_ok=True)
        for file in made.iterdir():
            shutil.copyfile(file, out / file.name)
    apart = np.abs(sigmoid(small) - sigmoid(logits))
    scores = summary(small, actual)
    print(f"int8 against torch: largest difference of a probability {apart.max():.3f}, mean {apart.mean():.4f}")
    print("dev, int8: " + " ".join(f"{name} {value:.3f}" for name, value in scores.items()) + f"; doubt ±{doubt}")


def write_classifier_file(
    out: Path,
    source: Path,
    recipes: Sequence[object],
    slopes: npt.ArrayLike,
    offsets: npt.ArrayLike,
    thresholds: npt.ArrayLike,
    doubt: float,
) -> None:
    config = AutoConfig.from_pretrained(source)

    def column(values: npt.ArrayLike) -> dict[str, float]:
        return {name: round(float(value), 5) for name, value in zip(OUTPUTS, np.asarray(values), strict=True)}

    content = {
        "name": f"lifecycle-{source.name}-int8/1",
        "outputs": list(OUTPUTS),
        "slope": column(slopes),
        "offset": column(offsets),
        "threshold": column(thresholds),
        "doubt": doubt,
        "encoder": {name: getattr(config, name) for name in ENCODER_SETTINGS},
        "recipes": list(recipes),
    }
    (out / "classifier.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
