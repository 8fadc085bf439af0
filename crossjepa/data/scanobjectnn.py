"""ScanObjectNN (Uy et al. 2019, arXiv:1908.04616): objects cut from indoor scans, 15 classes, +Y up
(https://github.com/hkust-vgd/scanobjectnn/issues/33)."""

from pathlib import Path

from crossjepa.data.dataset import ObjectRecord
from crossjepa.data.files import open_files
from crossjepa.data.hdf5 import Hdf5Clouds
from crossjepa.data.location import BY_HAND
from crossjepa.data.releases import Published, find_root
from crossjepa.data.settings import ScanObjectNNSource
from crossjepa.errors import UserError

CLASSES = (
    *("bag", "bin", "box", "cabinet", "chair", "desk", "display", "door"),
    *("shelf", "table", "bed", "pillow", "sink", "sofa", "toilet"),
)
# The variants' files, less `training_` and `test_`, and the sizes of their splits.
VARIANTS = {
    "obj_bg": ("main_split", "objectdataset.h5", {"train": 2309, "test": 581}),
    "obj_only": ("main_split_nobg", "objectdataset.h5", {"train": 2309, "test": 581}),
    "pb_t50_rs": ("main_split", "objectdataset_augmentedrot_scale75.h5", {"train": 11416, "test": 2882}),
}
LIKE = ObjectRecord(
    id="",
    source="ScanObjectNN",
    name="",
    label="",
    group="",
    licence="see hkust-vgd.github.io/scanobjectnn",
    creator="Uy, Pham, Hua, Nguyen and Yeung",
)


def open_source(source: ScanObjectNNSource, archives: Path | None) -> Hdf5Clouds:
    """Open one variant of ScanObjectNN, in the official layout: `h5_files` or its zip.

    Each cloud is its own group: the five disturbed copies that PB_T50_RS makes of an object lie on one side
    of its split, but the files do not say which belong together.

    Args:
        source: its settings, with a variant.
        archives: where it lies; the source's own path otherwise.

    Raises:
        UserError: if it is nowhere, incomplete or not of this layout.
    """
    if archives is None and source.path is None:
        raise UserError(f"data: {BY_HAND['scanobjectnn']}")
    if source.variant is None:
        raise UserError("data: ScanObjectNN: set `variant` to obj_bg, obj_only or pb_t50_rs")
    folder, name, sizes = VARIANTS[source.variant]
    needed = {"train": f"{folder}/training_{name}", "test": f"{folder}/test_{name}"}
    release = f"variant {source.variant} of ScanObjectNN"
    files = open_files(archives or Path(str(source.path)))
    root = find_root(files, list(needed.values()), release)
    published = Published(release, sizes, "get h5_files.zip again")
    splits = {split: [root + file] for split, file in needed.items()}
    return Hdf5Clouds(files, splits, CLASSES, LIKE, published if source.complete else None)
