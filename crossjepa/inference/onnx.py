"""An encoder as one ONNX graph, for programs without torch."""

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from crossjepa.errors import UserError, needing
from crossjepa.files import write_whole
from crossjepa.model.encoder import PointEncoder
from crossjepa.model.frames import normalise
from crossjepa.model.transformer import pool

OPSET = 18
AGREEMENT = 1e-4  # largest difference from torch's vectors


class _Vectors(nn.Module):
    """From clouds in any frame to vectors."""

    def __init__(self, network: PointEncoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, points: Tensor) -> Tensor:
        """(B, N, 3) points, +Y up -> (B, 2 * dim)."""
        return pool(self.network.tokens(normalise(points)[0]))


def write_onnx(network: PointEncoder, points: int, path: Path) -> None:
    """Write an encoder as an ONNX graph, whole or not at all, after comparing its vectors with torch's.

    Args:
        network: the encoder, on the CPU.
        points: points of each cloud, N.
        path: the file. Its input `points` is (B, N, 3) float32 for any B, +Y up, at any place and scale; its
            output `vectors` (B, 2 * dim) float32 is the encoder's feature `tokens` of these points.

    Raises:
        UserError: if onnxruntime is missing, or gives other vectors.
    """
    with needing("workflow"):
        import onnxruntime

    graph = _Vectors(network).eval()
    clouds = torch.rand(3, points, 3, generator=torch.Generator().manual_seed(0))
    with write_whole(path) as partial, torch.no_grad(), warnings.catch_warnings():
        # Torch's other exporter needs a further package, and unrolls the farthest points no better.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph,
            (clouds[:2],),
            partial,
            dynamo=False,
            opset_version=OPSET,
            input_names=["points"],
            output_names=["vectors"],
            dynamic_axes={"points": {0: "batch"}, "vectors": {0: "batch"}},
        )
        session = onnxruntime.InferenceSession(str(partial), providers=["CPUExecutionProvider"])
        (given,) = session.run(None, {"points": clouds.numpy()})
        difference = np.abs(given - graph(clouds).numpy()).max()
        if not difference <= AGREEMENT:
            raise UserError(
                f"to_onnx: onnxruntime's vectors differ from torch's by {difference:.1e}; report it"
            )
