#!/usr/bin/env python3
"""Convert the shipped CTranslate2 Whisper model to a whisper.cpp ggml file, with no download.

Usage: scripts/whisper_to_ggml.py --to build/ggml-base.en.bin [--model models/whisper-base.en-int8]

For the benchmark: the same weights can then run through whisper.cpp (PyPI `pywhispercpp`).
The int8 weights are put back to real numbers (int8 / scale of the row) and written as 16-bit
floats, as whisper.cpp's own base.en is; the rounding is far finer than the int8 step was.
The file gets no better than the int8 model it came from.
"""

from __future__ import annotations

import argparse
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor

ROOT = Path(__file__).resolve().parent.parent

# CTranslate2: the version of the container, and its type ids in order (5, bfloat16, is not used here)
BINARY_VERSION = 6
SPEC_NAME = "WhisperSpec"
DTYPES = ("<f4", "i1", "<i2", "<i4", "<f2")

# whisper.cpp
GGML_MAGIC = 0x67676D6C
F32, F16 = 0, 1
MEL_BANDS, MEL_BINS = 80, 201
# what whisper.cpp's files list by name, <|endoftext|> among them in an English-only one;
# it names the special tokens after these itself
NORMAL_TOKENS = 50257
# these stay f32 although they have two dimensions, as whisper.cpp expects
POSITIONAL = ("encoder.positional_embedding", "decoder.positional_embedding")

Variables = dict[str, np.ndarray]
Tensors = Iterator[tuple[str, np.ndarray]]


def unpack(file: BinaryIO, code: str) -> int:
    """Read one little-endian integer."""
    size = struct.calcsize("<" + code)
    data = file.read(size)
    if len(data) != size:
        raise SystemExit(f"{file.name}: cut short")
    return int(struct.unpack("<" + code, data)[0])


def read_string(file: BinaryIO) -> str:
    """Read a string: its length (with the closing zero byte) as 16 bits, then the bytes."""
    return file.read(unpack(file, "H")).rstrip(b"\0").decode("utf-8")


def read_variable(file: BinaryIO) -> tuple[str, np.ndarray]:
    """Read one variable: name, rank, dimensions, type id, size in bytes, data."""
    name = read_string(file)
    shape = [unpack(file, "I") for _ in range(unpack(file, "B"))]
    dtype = unpack(file, "B")
    data = file.read(unpack(file, "I"))
    if dtype >= len(DTYPES):
        raise SystemExit(f"{file.name}: {name} has type id {dtype}, which this script does not know")
    return name, np.frombuffer(data, dtype=DTYPES[dtype]).reshape(shape)


def read_ctranslate2(path: Path) -> Variables:
    """Read every variable of a CTranslate2 model.bin, aliases under their own names too."""
    with path.open("rb") as file:
        version, spec = unpack(file, "I"), read_string(file)
        if version != BINARY_VERSION or spec != SPEC_NAME:
            raise SystemExit(f"{path}: {spec} version {version}, expected {SPEC_NAME} version {BINARY_VERSION}")
        unpack(file, "I")  # the revision of the spec
        variables = dict(read_variable(file) for _ in range(unpack(file, "I")))
        for _ in range(unpack(file, "I")):
            alias, name = read_string(file), read_string(file)
            variables[alias] = variables[name]
        if file.read(1):
            raise SystemExit(f"{path}: more data than expected")
    return variables


def real(variables: Variables, name: str) -> np.ndarray:
    """Give a variable as 32-bit floats, with a quantized one's rows divided by their scales."""
    value = variables[name]
    if value.dtype.kind == "f":
        return value.astype(np.float32)
    scale = variables[f"{name}_scale"].astype(np.float32)
    return value.astype(np.float32) / scale.reshape(-1, *[1] * (value.ndim - 1))


def linear(variables: Variables, source: str, *targets: str) -> Tensors:
    """Yield a linear layer; one that CTranslate2 fused from several is split into equal parts."""
    weights = np.split(real(variables, f"{source}/weight"), len(targets))
    biases = np.split(real(variables, f"{source}/bias"), len(targets))
    for target, weight, bias in zip(targets, weights, biases, strict=True):
        yield f"{target}.weight", weight
        if not target.endswith(".key"):
            yield f"{target}.bias", bias
        elif bias.any():
            raise SystemExit(f"{source}: the keys have a bias, which Whisper's do not")


def norm(variables: Variables, source: str, target: str) -> Tensors:
    """Yield a layer norm."""
    yield f"{target}.weight", real(variables, f"{source}/gamma")
    yield f"{target}.bias", real(variables, f"{source}/beta")


def block(variables: Variables, source: str, target: str) -> Tensors:
    """Yield one transformer block, with cross attention if it is the decoder's."""
    yield from norm(variables, f"{source}/self_attention/layer_norm", f"{target}.attn_ln")
    parts = [f"{target}.attn.{part}" for part in ("query", "key", "value")]
    yield from linear(variables, f"{source}/self_attention/linear_0", *parts)
    yield from linear(variables, f"{source}/self_attention/linear_1", f"{target}.attn.out")
    if f"{source}/attention/linear_0/weight" in variables:
        cross = f"{target}.cross_attn"
        yield from norm(variables, f"{source}/attention/layer_norm", f"{cross}_ln")
        yield from linear(variables, f"{source}/attention/linear_0", f"{cross}.query")
        yield from linear(variables, f"{source}/attention/linear_1", f"{cross}.key", f"{cross}.value")
        yield from linear(variables, f"{source}/attention/linear_2", f"{cross}.out")
    yield from norm(variables, f"{source}/ffn/layer_norm", f"{target}.mlp_ln")
    yield from linear(variables, f"{source}/ffn/linear_0", f"{target}.mlp.0")
    yield from linear(variables, f"{source}/ffn/linear_1", f"{target}.mlp.2")


def layers(variables: Variables, side: str) -> int:
    """Count the transformer blocks of the encoder or the decoder."""
    return len({name.split("/")[1] for name in variables if name.startswith(f"{side}/layer_") and name.count("/") > 2})


def tensors(variables: Variables) -> Tensors:
    """Yield every tensor under the name whisper.cpp knows it by, as 32-bit floats."""
    yield "encoder.positional_embedding", real(variables, "encoder/position_encodings/encodings")
    for conv in ("conv1", "conv2"):
        yield f"encoder.{conv}.weight", real(variables, f"encoder/{conv}/weight")
        yield f"encoder.{conv}.bias", real(variables, f"encoder/{conv}/bias").reshape(-1, 1)
    for i in range(layers(variables, "encoder")):
        yield from block(variables, f"encoder/layer_{i}", f"encoder.blocks.{i}")
    yield from norm(variables, "encoder/layer_norm", "encoder.ln_post")
    yield "decoder.positional_embedding", real(variables, "decoder/position_encodings/encodings")
    yield "decoder.token_embedding.weight", real(variables, "decoder/embeddings/weight")
    for i in range(layers(variables, "decoder")):
        yield from block(variables, f"decoder/layer_{i}", f"decoder.blocks.{i}")
    yield from norm(variables, "decoder/layer_norm", "decoder.ln")


def header(variables: Variables) -> list[int]:
    """Give whisper.cpp's eleven sizes, the file type last, from the shapes of the weights."""
    n_vocab, text_state = variables["decoder/embeddings/weight"].shape
    audio_context, audio_state = variables["encoder/position_encodings/encodings"].shape
    text_context = variables["decoder/position_encodings/encodings"].shape[0]
    n_mels = variables["encoder/conv1/weight"].shape[1]
    audio_heads, text_heads = (int(variables[f"{side}/num_heads"]) for side in ("encoder", "decoder"))
    audio = [audio_context, audio_state, audio_heads, layers(variables, "encoder")]
    text = [text_context, text_state, text_heads, layers(variables, "decoder")]
    return [n_vocab, *audio, *text, n_mels, F16]


def byte_table() -> dict[str, int]:
    """Map each character of GPT-2's byte-level vocabulary to its byte.

    A printable Latin-1 character stands for itself; the other bytes, in order, are the characters from U+0100 on.
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(0x100) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + i): byte for i, byte in enumerate(others)}


def vocabulary(path: Path) -> list[bytes]:
    """Read the normal tokens as bytes."""
    table = byte_table()
    tokens = json.loads(path.read_text(encoding="utf-8"))[:NORMAL_TOKENS]
    return [bytes(table[character] for character in token) for token in tokens]


def mel_filters() -> np.ndarray:
    """Give the mel filters that faster-whisper uses, which are Whisper's own."""
    filters = np.asarray(FeatureExtractor(feature_size=MEL_BANDS).mel_filters, dtype="<f4")
    if filters.shape != (MEL_BANDS, MEL_BINS):
        raise SystemExit(f"mel filters of shape {filters.shape}, expected {(MEL_BANDS, MEL_BINS)}")
    return filters


def write_tensor(file: BinaryIO, name: str, value: np.ndarray) -> None:
    """Write rank, length of the name, type, dimensions (the fastest first), name, data."""
    small = value.ndim < 2 or name.endswith(".bias") or name in POSITIONAL
    data = np.ascontiguousarray(value, dtype="<f4" if small else "<f2")
    if not np.isfinite(data).all():
        raise SystemExit(f"{name}: a weight is too large for a 16-bit float")
    raw_name = name.encode("utf-8")
    dimensions = reversed(data.shape)
    file.write(struct.pack(f"<{3 + data.ndim}i", data.ndim, len(raw_name), F32 if small else F16, *dimensions))
    file.write(raw_name)
    file.write(data.tobytes())


def convert(model: Path, to: Path) -> int:
    """Write the ggml file and give the number of its tensors; a file cut short is never left under the name."""
    variables = read_ctranslate2(model / "model.bin")
    tokens = vocabulary(model / "vocabulary.json")
    sizes = header(variables)
    if sizes[-2] != MEL_BANDS:
        raise SystemExit(f"{model}: {sizes[-2]} mel bands, only {MEL_BANDS} are known here")
    to.parent.mkdir(parents=True, exist_ok=True)
    part = to.with_name(f"{to.name}.part")
    count = 0
    with part.open("wb") as file:
        file.write(struct.pack(f"<{1 + len(sizes)}i", GGML_MAGIC, *sizes))
        filters = mel_filters()
        file.write(struct.pack("<2i", *filters.shape))
        file.write(filters.tobytes())
        file.write(struct.pack("<i", len(tokens)))
        for token in tokens:
            file.write(struct.pack("<i", len(token)) + token)
        for count, (name, value) in enumerate(tensors(variables), start=1):  # noqa: B007
            write_tensor(file, name, value)
    part.replace(to)
    return count


def main() -> None:
    """Read the command line and convert."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, required=True, metavar="FILE", help="the ggml file to write")
    parser.add_argument(
        "--model",
        type=Path,
        default=ROOT / "models" / "whisper-base.en-int8",
        metavar="FOLDER",
        help="the CTranslate2 model folder (default: models/whisper-base.en-int8)",
    )
    arguments = parser.parse_args()
    for name in ("model.bin", "vocabulary.json"):
        if not (arguments.model / name).is_file():
            parser.error(f"{arguments.model / name} is not there")
    count = convert(arguments.model, arguments.to)
    print(f"{arguments.to}: {count} tensors, {arguments.to.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
