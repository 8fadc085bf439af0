"""Skinned meshes in COLLADA files, in the pose of their joints.

Source: the COLLADA 1.4.1 specification, chapter 4, "Skin Deformation (or Skinning) in COLLADA".
"""

from collections.abc import Mapping

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from crossjepa.errors import BadMesh
from crossjepa.mesh.dae_geometry import Elements, source, words
from crossjepa.mesh.numbers import floats, integers


def bind_shape(skin: etree._Element) -> NDArray[np.float64]:
    """The (4, 4) matrix that a skin's mesh is under before it is bound to joints."""
    text = skin.findtext("{*}bind_shape_matrix")
    return floats(text).reshape(4, 4) if text else np.eye(4)


def posed(
    elements: Elements,
    skin: etree._Element,
    points: NDArray[np.float64],
    joints: Mapping[str, NDArray[np.float64]],
) -> NDArray[np.float64] | None:
    """The points of a skin's mesh where its joints hold them.

    Args:
        elements: of the document, by id.
        skin: holds the weights of joints.
        points: (N, 3), in the mesh's frame.
        joints: (4, 4) transforms from each joint's frame to the scene's, by name.

    Returns:
        (N, 3) in the scene's frame, or None if the scene lacks one of the joints.

    Raises:
        BadMesh: if the weights are damaged.
    """
    sources = {e.get("semantic"): e.get("source", "") for e in skin.iterfind("{*}joints/{*}input")}
    names = words(elements, sources.get("JOINT", ""))
    weights = skin.find("{*}vertex_weights")
    if not names or weights is None or any(name not in joints for name in names):
        return None
    inverse = source(elements, sources.get("INV_BIND_MATRIX", "")).reshape(-1, 4, 4)
    if len(inverse) < len(names):
        raise BadMesh(f"a skin has {len(names)} joints and {len(inverse)} of their matrices")
    shape = bind_shape(skin)
    matrices = np.array([joints[name] @ inverse[row] @ shape for row, name in enumerate(names)] + [shape])
    vertex, joint, weight = _influences(elements, weights)
    if len(vertex) and not (vertex[-1] < len(points) and -1 <= joint.min() <= joint.max() < len(names)):
        raise BadMesh("a skin's weights refer to a vertex or joint that is not there")
    total = np.zeros((len(points), 4, 4))
    np.add.at(total, vertex, weight[:, None, None] * matrices[joint])
    total[total[:, 3, 3] == 0] = shape  # points without weights
    placed = np.einsum("nij,nj->ni", total, np.insert(points, 3, 1.0, axis=1))
    return placed[:, :3] / total[:, 3, 3, None]


def _influences(
    elements: Elements, weights: etree._Element
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The vertex, joint and weight of each influence of a joint."""
    inputs = {e.get("semantic"): e for e in weights.iterfind("{*}input")}
    counts = integers(weights.findtext("{*}vcount") or "")
    values = integers(weights.findtext("{*}v") or "")
    stride = max(int(e.get("offset", 0)) for e in inputs.values()) + 1
    if counts.min(initial=0) < 0 or counts.sum() * stride != len(values):
        raise BadMesh(f"a skin has {len(values)} indices of weights instead of {counts.sum()} x {stride}")
    rows = values.reshape(-1, stride)
    amounts = source(elements, inputs["WEIGHT"].get("source", "")).ravel()
    number = rows[:, int(inputs["WEIGHT"].get("offset", 0))]
    if len(number) and not 0 <= number.min() <= number.max() < len(amounts):
        raise BadMesh("a skin refers to a weight that is not there")
    joint = rows[:, int(inputs["JOINT"].get("offset", 0))]
    return np.repeat(np.arange(len(counts)), counts), joint, amounts[number]
