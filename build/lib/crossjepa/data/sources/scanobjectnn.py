"""ScanObjectNN (Uy et al. 2019, arXiv:1908.04616): objects cut from indoor scans, 15 classes, +Y up
(https://github.com/hkust-vgd/scanobjectnn/issues/33)."""

from functools import partial
from pathlib import Path

from crossjepa.data.dataset import ObjectRecord
from crossjepa.data.files import Files
from crossjepa.data.location import BY_HAND
from crossjepa.data.releases import Hdf5Clouds, Release
from crossjepa.data.settings import ScanObjectNNSource
from crossjepa.errors import UserError

CLASSES = (
    *("bag", "bin", "box", "cabinet", "chair", "desk", "display", "door"),
    *("shelf", "table", "bed", "pillow", "sink", "sofa", "toilet"),
)
# For each variant its folder, its files without `training_` and `test_`, and the sizes of its splits.
VARIANTS = {
    "obj_bg": ("main_split", "objectdataset.h5", {"train": 2309, "test": 581}),
    "obj_only": ("main_split_nobg", "objectdataset.h5", {"train": 2309, "test": 581}),
    "pb_t50_rs": ("main_split", "objectdataset_augmentedrot_scale75.h5", {"train": 11416, "test": 2882}),
}


def open_source(source: ScanObjectNNSource) -> Hdf5Clouds:
    """Open one variant of ScanObjectNN, in the official layout: `h5_files` or its zip.

    Each cloud is a group of its own: PB_T50_RS has five perturbed copies of each object, all on one side
    of its split, but the files do not say which copies belong together.

    Raises:
        UserError: if it is missing, incomplete or not of this layout.
    """
    if source.path is None:
        raise UserError(f"data: {BY_HAND['scanobjectnn']}")
    if source.variant is None:
        raise UserError("data: ScanObjectNN: set `variant` to obj_bg, obj_only or pb_t50_rs")
    folder, name, sizes = VARIANTS[source.variant]
    title = f"variant {source.variant} of ScanObjectNN"
    release = Release(Files(Path(source.path)), title, sizes if source.complete else None)
    needed = {"train": f"{folder}/training_{name}", "test": f"{folder}/test_{name}"}
    root = release.root(list(needed.values()))
    record = partial(
        ObjectRecord,
        source="ScanObjectNN",
        licence="see hkust-vgd.github.io/scanobjectnn",
        creator="Uy, Pham, Hua, Nguyen and Yeung",
    )
    return Hdf5Clouds(release, {split: [root + file] for split, file in needed.items()}, CLASSES, record)
