"""Writes the meshes that `crossjepa demo` shows, three of each of four classes of the data set `shapes`.

python docs/demo_meshes.py
"""

from collections import Counter
from pathlib import Path

import trimesh

import crossjepa
from crossjepa.data.settings import ShapesSource
from crossjepa.data.sources.shapes import open_source
from crossjepa.mesh.mesh import Mesh

CLASSES, EACH = ("chair", "table", "mug", "bottle"), 3


def scene(mesh: Mesh) -> trimesh.Scene:
    """The parts of a mesh, each in its colour."""
    parts = []
    for part in mesh.parts:
        assert part.face_colours is not None
        colour = part.face_colours[0]  # linear, as glTF has it
        material = trimesh.visual.material.PBRMaterial(baseColorFactor=colour, metallicFactor=0.0)
        visual = trimesh.visual.TextureVisuals(material=material)
        parts.append(trimesh.Trimesh(part.vertices, part.faces, visual=visual, process=False))
    return trimesh.Scene(parts)


def main() -> None:
    """Write the files into the package."""
    shapes, done = open_source(ShapesSource(kind="shapes")), Counter[str]()
    folder = Path(crossjepa.__file__).parent / "demo"
    for record in shapes.objects():
        if record.label in CLASSES and done[record.label] < EACH:
            done[record.label] += 1
            scene(shapes.load(record.id)).export(folder / f"{record.label}_{done[record.label]}.glb")


if __name__ == "__main__":
    main()
