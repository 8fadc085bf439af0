"""Ways to run the teacher on a processor: time, agreement with float32, and the probe of its embeddings.

    pip install openvino nncf
    python bench/teacher_runtimes.py --weights results/weights/dinov2-small-derivative-… \
        --catalog results/data/furniture-…/catalog.parquet --downloads results/downloads/furniture

Each row is a runtime and a size of views. The time is the processor's, for one thread; the cosine is with the
same views in float32 by torch, at its lowest and in the mean; the probe is cross-validated, on the mean
embedding of an object's views, with the paired difference from the first row and its 95% interval.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
import typer
from numpy.typing import NDArray
from torch import Tensor, nn

from crossjepa.data.registry import open_dataset
from crossjepa.data.settings import DataSettings, FurnitureSource
from crossjepa.probe.answers import answer
from crossjepa.probe.intervals import bootstrap_intervals
from crossjepa.probe.objects import labelled_objects
from crossjepa.probe.protocols import protocol
from crossjepa.probe.questions import Exam, Question
from crossjepa.probe.settings import BenchmarkSettings, ProbeSettings
from crossjepa.probe.systems import System
from crossjepa.render.settings import RenderSettings
from crossjepa.render.views import render_views
from crossjepa.teacher.embed import Teacher
from crossjepa.teacher.settings import TeacherSettings

Images, Embeddings = NDArray[np.uint8], NDArray[np.float32]
Embed = Callable[[Images], Embeddings]
BATCH, TIMED, CALIBRATION = 8, 48, 64


class Graph(nn.Module):
    """The teacher from normalised pixels (N, 3, S, S) to embeddings, for other runtimes."""

    def __init__(self, teacher: Teacher) -> None:
        super().__init__()
        self.layer, self.model = teacher.layer, teacher.model

    def forward(self, pixels: Tensor) -> Tensor:
        token = self.model(pixels, output_hidden_states=True).hidden_states[self.layer][:, 0]
        return F.layer_norm(token, token.shape[-1:])


def pixels(teacher: Teacher, images: Images) -> Tensor:
    """What the network gets of images."""
    return (torch.from_numpy(images).permute(0, 3, 1, 2) / 255 - teacher.mean) / teacher.std


def torch_runtime(precision: str) -> Callable[[Path, Images], Embed]:
    """The package's own teacher."""

    def make(weights: Path, _: Images) -> Embed:
        return Teacher(weights, TeacherSettings(precision=precision)).embed

    return make


def fp32(weights: Path) -> tuple[Teacher, nn.Module]:
    """The teacher and its graph, in float32."""
    teacher = Teacher(weights, TeacherSettings(precision="fp32"))
    return teacher, Graph(teacher).eval()


def compiled(weights: Path, _: Images) -> Embed:
    """`torch.compile`."""
    teacher, graph = fp32(weights)
    graph = torch.compile(graph)
    return torch.inference_mode()(lambda images: graph(pixels(teacher, images)).numpy())


def torch_int8(weights: Path, _: Images) -> Embed:
    """Torch's dynamic quantisation of linear layers."""
    teacher, graph = fp32(weights)
    graph = torch.ao.quantization.quantize_dynamic(graph, {nn.Linear}, torch.qint8)
    return torch.inference_mode()(lambda images: graph(pixels(teacher, images)).numpy())


def onnxruntime_runtime(int8: bool) -> Callable[[Path, Images], Embed]:
    """ONNX Runtime, in float32 or with its dynamic quantisation."""

    def make(weights: Path, images: Images) -> Embed:
        import onnxruntime
        from onnxruntime.quantization import QuantType, quantize_dynamic

        teacher, graph = fp32(weights)
        folder = Path(tempfile.mkdtemp())
        example, file = pixels(teacher, images[:BATCH]), folder / "teacher.onnx"
        torch.onnx.export(graph, (example,), file, dynamo=False, opset_version=18, input_names=["pixels"])
        if int8:
            quantize_dynamic(file, folder / "int8.onnx", weight_type=QuantType.QInt8, reduce_range=True)
            file = folder / "int8.onnx"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        return lambda images: session.run(None, {"pixels": pixels(teacher, images).numpy()})[0]

    return make


def openvino_runtime(precision: str) -> Callable[[Path, Images], Embed]:
    """OpenVINO, in float32, bf16, or with static quantisation by NNCF."""

    def make(weights: Path, images: Images) -> Embed:
        import openvino

        teacher, graph = fp32(weights)
        example = pixels(teacher, images[:BATCH])
        model = openvino.convert_model(graph, example_input=example, input=list(example.shape))
        if precision == "int8":
            import nncf

            batches = [pixels(teacher, images[i : i + BATCH]).numpy() for i in range(0, CALIBRATION, BATCH)]
            transformer = nncf.ModelType.TRANSFORMER
            model = nncf.quantize(model, nncf.Dataset(batches), model_type=transformer)
        options = {"INFERENCE_NUM_THREADS": 1}
        options["INFERENCE_PRECISION_HINT"] = "bf16" if precision == "bf16" else "f32"
        run = openvino.Core().compile_model(model, "CPU", options)
        return lambda images: run(pixels(teacher, images).numpy())[0]

    return make


RUNTIMES: dict[str, Callable[[Path, Images], Embed]] = {
    "torch, fp32": torch_runtime("fp32"),
    "torch, bf16": torch_runtime("bf16"),
    "torch.compile, fp32": compiled,
    "torch, int8 dynamic": torch_int8,
    "ONNX Runtime, fp32": onnxruntime_runtime(False),
    "ONNX Runtime, int8 dynamic": onnxruntime_runtime(True),
    "OpenVINO, fp32": openvino_runtime("fp32"),
    "OpenVINO, bf16": openvino_runtime("bf16"),
    "OpenVINO, int8 static": openvino_runtime("int8"),
}


def embed_all(embed: Embed, images: Images) -> Embeddings:
    """Embed images in whole batches; the last is filled up, since some runtimes take no smaller one."""
    rows = range(0, len(images), BATCH)
    batches = [images[np.arange(first, first + BATCH) % len(images)] for first in rows]
    return np.concatenate(list(map(embed, batches)))[: len(images)].astype(np.float32)


def milliseconds(embed: Embed, images: Images) -> float:
    """Processor time of an image, the median over batches after a first one."""
    spent = []
    for i in range(0, TIMED + BATCH, BATCH):
        start = process_time()
        embed(images[i : i + BATCH])
        spent.append(1000 * (process_time() - start) / BATCH)
    return float(np.median(spent[1:]))


def cosines(first: Embeddings, second: Embeddings) -> NDArray[np.float32]:
    """Cosine of each row with its row."""
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return (first * second).sum(axis=1) / lengths


def probe(embeddings: dict[str, Embeddings], ids: list[str], catalog: Path) -> pd.DataFrame:
    """Accuracy of each row, and the paired difference from the first, with its interval."""
    objects, settings = labelled_objects(catalog, ids), ProbeSettings()
    exam = Exam("furniture", objects, protocol("pointjepa", "furniture"), settings, BenchmarkSettings())
    question = Question("folds", "", "", exam.folds, *exam.machine, regimes=("canonical",))
    systems = [
        System(name, 0, Path(name), ids, {"canonical": rows}, {}).of(objects.ids.tolist())
        for name, rows in embeddings.items()
    ]
    table = answer([question], systems, objects, threads=2)
    scores = table.pivot(index=["split", "id", "group"], columns="system", values="value")[list(embeddings)]
    paired = scores.sub(scores.iloc[:, 0], axis=0)
    groups = scores.index.get_level_values("group").to_numpy()
    ends = bootstrap_intervals(paired, groups, settings.bootstrap, settings.seed)
    return pd.DataFrame(
        {"accuracy": scores.mean(), "gain": paired.mean(), "low": ends[:, 0], "high": ends[:, 1]}
    )


def main(
    weights: Annotated[Path, typer.Option(help="Folder with the teacher's weights.")],
    catalog: Annotated[Path, typer.Option(help="Furniture's catalog.")],
    downloads: Annotated[Path, typer.Option(help="Folder with furniture's archives.")],
    runtimes: Annotated[str, typer.Option(help="Names of runtimes, separated by semicolons.")] = ";".join(
        RUNTIMES
    ),
    sizes: Annotated[
        str, typer.Option(help="Sizes of views in pixels; all but the first in fp32 only.")
    ] = "224,168,140,112",
    views: Annotated[int, typer.Option(help="Views of each object.")] = 2,
    probed: Annotated[
        bool, typer.Option(help="Embed all views of labelled objects and fit the probe.")
    ] = True,
) -> None:
    """Print the table."""
    table = pd.read_parquet(catalog)
    labelled = table[(table["class"] != "") & (table["status"] == "ok")]
    ids = labelled["id"].tolist() if probed else labelled["id"].tolist()[: -(-(TIMED + 2 * BATCH) // views)]
    dataset, limits = (
        open_dataset(FurnitureSource(kind="furniture", path=str(downloads))),
        DataSettings().limits,
    )
    first, *others = map(int, sizes.split(","))
    rows: dict[str, dict[str, Any]] = {}
    embeddings: dict[str, Embeddings] = {}
    for size in (first, *others):
        arrays, set_aside = render_views(dataset, ids, RenderSettings(image_size=size, views=views), limits)
        if set_aside:
            sys.exit(f"objects that cannot be rendered: {set_aside}")
        images, reference = arrays["views"].reshape(-1, size, size, 3), None
        names = runtimes.split(";") if size == first else ["torch, fp32"]
        for name in names:
            embed = RUNTIMES[name](weights, images)
            key = f"{name}, {size}²"
            spent = milliseconds(embed, images)
            found = embed_all(embed, images if probed else images[:TIMED])
            reference = found if reference is None else reference
            alike = cosines(found, reference)
            rows[key] = {"ms": spent, "lowest": alike.min(), "mean": alike.mean()}
            embeddings[key] = found.reshape(-1, views, found.shape[1]).mean(axis=1)
            print(key, rows[key], flush=True)
    first_ms = next(iter(rows.values()))["ms"]
    scores = probe(embeddings, ids, catalog) if probed else None
    print("\n| runtime, pixels | ms an image | times as fast | cosine, lowest (mean) | probe | difference |")
    print("|---|---|---|---|---|---|")
    for key, row in rows.items():
        shown = ["", ""]
        if scores is not None:
            score = scores.loc[key]
            shown = [f"{score.accuracy:.1f}", f"{score.gain:+.1f} ({score.low:+.1f}, {score.high:+.1f})"]
        alike = f"{row['lowest']:.4f} ({row['mean']:.5f})"
        print(f"| {key} | {row['ms']:.0f} | {first_ms / row['ms']:.2f} | {alike} | {shown[0]} | {shown[1]} |")


if __name__ == "__main__":
    typer.run(main)
