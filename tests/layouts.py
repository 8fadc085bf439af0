"""Small stand-ins for public data sets, in exactly their official layouts, with shapes made by code.

Every writer takes the folder to write into and gives the path that a user would set. Shapes are told apart
by kind and proportions, differ a little within a class, and are the same every time. `zipped` makes an
archive of any of them.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np
import trimesh
from PIL import Image, ImageDraw
from scipy.spatial import ConvexHull
from trimesh.transformations import rotation_matrix

MODELNET40 = (
    *("airplane", "bathtub", "bed", "bench", "bookshelf", "bottle", "bowl", "car", "chair", "cone"),
    *("cup", "curtain", "desk", "door", "dresser", "flower_pot", "glass_box", "guitar", "keyboard", "lamp"),
    *("laptop", "mantel", "monitor", "night_stand", "person", "piano", "plant", "radio", "range_hood"),
    *("sink", "sofa", "stairs", "stool", "table", "tent", "toilet", "tv_stand", "vase", "wardrobe", "xbox"),
)
SCANOBJECTNN = (
    *("bag", "bin", "box", "cabinet", "chair", "desk", "display", "door"),
    *("shelf", "table", "bed", "pillow", "sink", "sofa", "toilet"),
)
SYNSETS = {"02691156": "airplane,aeroplane,plane", "03001627": "chair", "04379243": "table"}
SIDE = 137  # pixels of a 3D-R2N2 view


def shape(kind: int, number: int) -> trimesh.Trimesh:
    """A box, cylinder, cone or ball, +Y up, by the class's `kind`; a cone's tip is above.

    Args:
        kind: of the class, from 0; 44 are told apart.
        number: of the object, which varies it by some percent.
    """
    draw = np.random.default_rng([kind, number])
    level = kind // 4
    extents = np.array([1.0, 0.25 * 1.35**level, (0.45, 0.9)[level % 2]]) * draw.uniform(0.94, 1.06, 3)
    mesh = [
        lambda: trimesh.creation.box((1, 1, 1)),
        lambda: trimesh.creation.cylinder(0.5, 1, sections=16),
        lambda: trimesh.creation.cone(0.5, 1, sections=16),
        lambda: trimesh.creation.icosphere(subdivisions=2, radius=0.5),
    ][kind % 4]()
    mesh.apply_transform(rotation_matrix(-np.pi / 2, [1, 0, 0]))  # from Z-up, as trimesh makes them
    return mesh.apply_scale(extents)


def surface(kind: int, number: int, points: int) -> tuple[np.ndarray, np.ndarray]:
    """(P, 3) float32 points and unit normals of a shape, fitted into the unit sphere."""
    mesh = shape(kind, number)
    xyz, faces = trimesh.sample.sample_surface(mesh, points, seed=number)
    xyz = xyz - xyz.mean(axis=0)
    xyz /= np.linalg.norm(xyz, axis=1).max()
    return xyz.astype(np.float32), mesh.face_normals[faces].astype(np.float32)


def zipped(path: Path, file: Path) -> Path:
    """A zip of a folder, itself at its top, with what macOS leaves in archives."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for found in sorted(path.rglob("*")):
            name = found.relative_to(path.parent).as_posix()
            archive.write(found, name)
            if found.is_file():
                archive.writestr(f"__MACOSX/{Path(name).parent}/._{found.name}", b"\0\5\x16\7")
        archive.writestr(f"{path.name}/.DS_Store", b"\0")
    return file


def write_modelnet_off(
    folder: Path, classes: Sequence[str] = MODELNET40, train: int = 5, test: int = 2, categories: int = 40
) -> Path:
    """`ModelNet40/<class>/{train,test}/<class>_0001.off`, Z-up, headers in the three ways that occur."""
    root = folder / f"ModelNet{categories}"
    for kind, name in enumerate(classes):
        for number, split in enumerate(["train"] * train + ["test"] * test, start=1):
            path = root / name / split / f"{name}_{number:04}.off"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_off(shape(kind, number), kind + number))
    return root


def _off(mesh: trimesh.Trimesh, header: int) -> str:
    lying = mesh.copy().apply_transform(rotation_matrix(np.pi / 2, [1, 0, 0]))
    counts = f"{len(lying.vertices)} {len(lying.faces)}"
    top = (f"OFF\n{counts} 0", f"OFF{counts} 0", f"OFF\n{counts}")[header % 3]
    vertices = "\n".join("{:.6f} {:.6f} {:.6f}".format(*vertex) for vertex in lying.vertices)
    faces = "\n".join("3 {} {} {}".format(*face) for face in lying.faces)
    return f"{top}\n{vertices}\n{faces}\n"


def write_modelnet_resampled(
    folder: Path,
    classes: Sequence[str] = MODELNET40,
    train: int = 5,
    test: int = 2,
    points: int = 1024,
    categories: int = 40,
) -> Path:
    """`modelnet40_normal_resampled/<class>/<class>_0001.txt` and the lists; the release has 10,000 points."""
    root = folder / "modelnet40_normal_resampled"
    names: dict[str, list[str]] = {"train": [], "test": []}
    for kind, label in enumerate(classes):
        (root / label).mkdir(parents=True)
        for number, split in enumerate(["train"] * train + ["test"] * test, start=1):
            names[split].append(f"{label}_{number:04}")
            rows = np.hstack(surface(kind, number, points))
            np.savetxt(root / label / f"{label}_{number:04}.txt", rows, fmt="%.6f", delimiter=",")
    for part, lines in {**names, "shape_names": classes}.items():
        (root / f"modelnet{categories}_{part}.txt").write_text("".join(f"{line}\n" for line in lines))
    (root / "filelist.txt").write_text("".join(f"{n.rpartition('_')[0]}/{n}.txt\n" for n in names["train"]))
    return root


def write_modelnet_hdf5(
    folder: Path, classes: Sequence[str] = MODELNET40, train: int = 5, test: int = 2, points: int = 2048
) -> Path:
    """`modelnet40_ply_hdf5_2048/ply_data_{train0,train1,test0}.h5` and the three lists; rows are shuffled."""
    root = folder / "modelnet40_ply_hdf5_2048"
    root.mkdir(parents=True)
    kinds = range(len(classes))
    splits = {
        "train": [(kind, number) for kind in kinds for number in range(1, train + 1)],
        "test": [(kind, number) for kind in kinds for number in range(train + 1, train + test + 1)],
    }
    for split, objects in splits.items():
        shuffled = np.random.default_rng(0).permutation(np.array(objects))
        parts = np.array_split(shuffled, min(len(shuffled), 2) if split == "train" else 1)
        for i, part in enumerate(parts):
            _write_hdf5(root / f"ply_data_{split}{i}.h5", part, points, column=True)
        lines = [f"data/modelnet40_ply_hdf5_2048/ply_data_{split}{i}.h5\n" for i in range(len(parts))]
        (root / f"{split}_files.txt").write_text("".join(lines))
    (root / "shape_names.txt").write_text("".join(f"{name}\n" for name in classes))
    return root


def _write_hdf5(path: Path, objects: np.ndarray, points: int, column: bool) -> None:
    """ModelNet's labels are a column of bytes and come with normals, ScanObjectNN's a row and with a mask."""
    clouds = [surface(int(kind), int(number), points) for kind, number in objects]
    with h5py.File(path, "w") as file:
        file["data"] = np.stack([xyz for xyz, _ in clouds])
        if column:
            file["label"] = objects[:, :1].astype(np.uint8)
            file["normal"] = np.stack([normal for _, normal in clouds])
            file["faceId"] = np.zeros((len(objects), points), np.int32)
        else:
            file["label"] = objects[:, 0].astype(np.int64)
            file["mask"] = np.zeros((len(objects), points), np.int64)


def write_scanobjectnn(folder: Path, train: int = 5, test: int = 2, points: int = 2048) -> Path:
    """`h5_files` with all three variants; each has clouds of its own."""
    root = folder / "h5_files"
    variants = [
        ("main_split", "objectdataset.h5"),
        ("main_split_nobg", "objectdataset.h5"),
        ("main_split", "objectdataset_augmentedrot_scale75.h5"),
    ]
    for variant, (name, file) in enumerate(variants):
        (root / name).mkdir(parents=True, exist_ok=True)
        first = 100 * variant
        for split, numbers in {"training": range(train), "test": range(train, train + test)}.items():
            objects = [(kind, first + number) for number in numbers for kind in range(len(SCANOBJECTNN))]
            _write_hdf5(root / name / f"{split}_{file}", np.array(objects), points, column=False)
    return root


def shapenet_models(
    synsets: Sequence[str] = tuple(SYNSETS), models: int = 3
) -> Iterator[tuple[str, str, int]]:
    """Synset, model id and kind of the models that the writers below share; a model's number is its place."""
    for kind, synset in enumerate(synsets):
        for number in range(models):
            yield synset, hashlib.md5(f"{synset}{number}".encode()).hexdigest(), kind


def write_shapenet_v2(folder: Path, synsets: Sequence[str] = tuple(SYNSETS), models: int = 3) -> Path:
    """`ShapeNetCore.v2/<synset>/<model>/models/model_normalized.obj` with its material and texture."""
    root = folder / "ShapeNetCore.v2"
    for place, (synset, model, kind) in enumerate(shapenet_models(synsets, models)):
        own = root / synset / model
        (own / "models").mkdir(parents=True)
        (own / "images").mkdir()
        _texture(kind).save(own / "images" / "texture0.png")
        (own / "models" / "model_normalized.obj").write_text(_obj(shape(kind, place), "model_normalized.mtl"))
        (own / "models" / "model_normalized.mtl").write_text(
            "newmtl material_0\nKd 1 1 1\nmap_Kd ../images/texture0.png\n"
        )
    write_taxonomy(root)
    return root


def write_shapenet_v1(folder: Path, synsets: Sequence[str] = tuple(SYNSETS), models: int = 3) -> Path:
    """`ShapeNetCore.v1/<synset>/<model>/model.obj` with a plain material."""
    root = folder / "ShapeNetCore.v1"
    for place, (synset, model, kind) in enumerate(shapenet_models(synsets, models)):
        own = root / synset / model
        own.mkdir(parents=True)
        (own / "model.obj").write_text(_obj(shape(kind, place), "model.mtl"))
        (own / "model.mtl").write_text(f"newmtl material_0\nKd {kind % 2} 0.5 0.1\n")
    write_taxonomy(root)
    return root


def write_shapenet_zips(root: Path, folder: Path) -> Path:
    """From an unpacked ShapeNetCore a folder with a zip for each synset, and the taxonomy beside them."""
    folder.mkdir(parents=True)
    for synset in sorted(path for path in root.iterdir() if path.is_dir()):
        zipped(synset, folder / f"{synset.name}.zip")
    write_taxonomy(folder)
    return folder


def write_taxonomy(folder: Path) -> None:
    """`taxonomy.json` with the names of `SYNSETS`."""
    entries = [
        {"synsetId": synset, "name": name, "children": [], "numInstances": 3}
        for synset, name in SYNSETS.items()
    ]
    (folder / "taxonomy.json").write_text(json.dumps(entries))


def write_shapenet_points(
    folder: Path, synsets: Sequence[str] = tuple(SYNSETS), models: int = 3, points: int = 8192
) -> Path:
    """`shapenet_pc/<synset>-<model>.npy`, as Point-BERT ships ShapeNet55."""
    root = folder / "shapenet_pc"
    root.mkdir(parents=True)
    for place, (synset, model, kind) in enumerate(shapenet_models(synsets, models)):
        np.save(root / f"{synset}-{model}.npy", surface(kind, place, points)[0])
    return root


def write_shapenet_lists(
    folder: Path, synsets: Sequence[str] = tuple(SYNSETS), models: int = 3, test: int = 1
) -> Path:
    """`ShapeNet-55/train.txt` and `test.txt`: the last models of each synset are for testing."""
    root = folder / "ShapeNet-55"
    root.mkdir(parents=True)
    lines = [f"{synset}-{model}.npy" for synset, model, _ in shapenet_models(synsets, models)]
    tested = [i % models >= models - test for i in range(len(lines))]
    for split, wanted in {"train": False, "test": True}.items():
        chosen = [line for line, is_test in zip(lines, tested, strict=True) if is_test == wanted]
        (root / f"{split}.txt").write_text("\n".join(chosen) + "\n")
    return root


def write_shapenet_views(
    folder: Path, synsets: Sequence[str] = tuple(SYNSETS), models: int = 3, views: int = 24
) -> Path:
    """`ShapeNetRendering/<synset>/<model>/rendering/`: silhouettes of each model in its class's colour."""
    root = folder / "ShapeNetRendering"
    for place, (synset, model, kind) in enumerate(shapenet_models(synsets, models)):
        own = root / synset / model / "rendering"
        own.mkdir(parents=True)
        draw = np.random.default_rng([kind, place])
        vertices = shape(kind, place).vertices
        vertices = vertices / np.linalg.norm(np.ptp(vertices, axis=0))
        cameras = np.column_stack(
            [
                draw.uniform(0, 360, views),
                draw.uniform(25, 30, views),
                np.zeros(views),
                draw.uniform(0.65, 0.95, views),
                np.full(views, 25),
            ]
        )
        for number, camera in enumerate(cameras):
            _silhouette(vertices, camera, kind).save(own / f"{number:02}.png")
        lines = [" ".join(f"{value:.10g}" for value in camera) for camera in cameras]
        (own / "rendering_metadata.txt").write_text("\n".join(lines) + "\n")
        (own / "renderings.txt").write_text("".join(f"{n:02}.png\n" for n in range(views)))
    return root


def r2n2_camera(azimuth: float, elevation: float, turn: float, ratio: float) -> np.ndarray:
    """(4, 4) transform from the camera's frame (-Z ahead, +Y up) to the model's, as 3D-R2N2's Blender has it.

    The camera hangs at (1.75 ratio, 0, 0) of a pivot, in Blender's Z-up frame, looks at the pivot with Z up,
    and the pivot is turned about X, then Y, then Z by minus the angles, in degrees. Blender lays an OBJ down:
    its y is Blender's z, its z Blender's -y.
    """
    pivot = np.eye(4)
    for angle, axis in ((turn, [1, 0, 0]), (elevation, [0, 1, 0]), (azimuth, [0, 0, 1])):
        pivot = rotation_matrix(-np.radians(angle), axis) @ pivot
    hung = np.eye(4)
    hung[:3, :3] = np.column_stack([[0, 1, 0], [0, 0, 1], [1, 0, 0]])  # its right, up and backward
    hung[0, 3] = 1.75 * ratio
    stand = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
    return np.asarray(stand @ pivot @ hung)


def _silhouette(vertices: np.ndarray, camera: np.ndarray, kind: int) -> Image.Image:
    seen = trimesh.transform_points(vertices, np.linalg.inv(r2n2_camera(*camera[:4])))
    focal = 35 / 32 * SIDE  # Blender's default lens of 35 mm before a film of 32 mm
    pixels = SIDE / 2 + focal * np.column_stack([seen[:, 0], -seen[:, 1]]) / -seen[:, 2:]
    outline = [tuple(map(float, corner)) for corner in pixels[ConvexHull(pixels).vertices]]
    picture = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 0))
    ImageDraw.Draw(picture).polygon(outline, fill=(60 + 70 * (kind % 3), 120, 220 - 50 * (kind % 4), 255))
    return picture


def _obj(mesh: trimesh.Trimesh, material: str) -> str:
    vertices = "".join(
        "v {:.6f} {:.6f} {:.6f}\nvt {:.4f} {:.4f}\n".format(*v, *(v[:2] + 0.5)) for v in mesh.vertices
    )
    faces = "".join("f {0}/{0} {1}/{1} {2}/{2}\n".format(*(face + 1)) for face in mesh.faces)
    return f"mtllib {material}\n{vertices}usemtl material_0\n{faces}"


def _texture(kind: int) -> Image.Image:
    colour = np.full((8, 8, 3), (250, 40 * kind, 30), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(colour).save(buffer, "PNG")
    return Image.open(buffer)
