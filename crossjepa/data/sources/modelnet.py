"""ModelNet40 and ModelNet10 (Wu et al. 2015, arXiv:1406.5670), in the three releases that are in use.

Their splits differ in size and their points in kind, so results on different releases cannot be compared.
"""

import posixpath
import re
from functools import partial
from pathlib import Path

from crossjepa.data.dataset import Dataset, ObjectRecord
from crossjepa.data.file_dataset import FileDataset, ObjectFile
from crossjepa.data.files import Files
from crossjepa.data.releases import Hdf5Clouds, Release
from crossjepa.data.settings import ModelNetSource
from crossjepa.errors import UserError

# Objects of the splits. Three of the meshes are not in the HDF5 files.
SIZES = {
    ("meshes", 40): {"train": 9843, "test": 2468},
    ("resampled", 40): {"train": 9843, "test": 2468},
    ("hdf5", 40): {"train": 9840, "test": 2468},
    ("meshes", 10): {"train": 3991, "test": 908},
    ("resampled", 10): {"train": 3991, "test": 908},
}
MESH = re.compile(r"(?P<root>(?:.*/)?)(?P<id>(?P<label>[^/]+)/(?P<split>train|test)/(?P<name>[^/]+)\.off)")
modelnet_record = partial(
    ObjectRecord, source="ModelNet", licence="see modelnet.cs.princeton.edu", creator="various"
)


def _open_meshes(release: Release, data_set: str) -> FileDataset:
    """Release `meshes`: `ModelNet40/<class>/{train,test}/*.off`, Z-up; ids begin at the class."""
    path = release.files.path
    found = [match for name in release.files.names if (match := MESH.fullmatch(name))]
    titles = {m["root"]: posixpath.basename(m["root"].rstrip("/")) or path.stem for m in found}
    # The folder named after the data set, or else the only one that is not named after the other data set.
    named = [root for root, title in titles.items() if title == data_set]
    roots = named or [root for root, title in titles.items() if title not in ("ModelNet10", "ModelNet40")]
    if len(roots) != 1:
        raise UserError(
            f"{path}: holds {'several' if roots else 'no'} {data_set}/<class>/train/*.off of release "
            f"`meshes`; set `path` to the {data_set} folder or zip, or `release` to what it is"
        )
    found = [match for match in found if match["root"] == roots[0]]
    keys = ("id", "name", "label", "split")
    records = [modelnet_record(group=match["id"], **{key: match[key] for key in keys}) for match in found]
    release.check(records)
    places = {match["id"]: ObjectFile(release.files, match[0], up="z") for match in found}
    return FileDataset(records, places)


def _open_resampled(release: Release, data_set: str) -> FileDataset:
    """Release `resampled`: 10,000 points with normals of each surface, +Y up, as text.

    Ids are `<class>/<class>_<number>`, in the order of the lists: first train, then test.
    """
    files, prefix = release.files, data_set.lower()
    root = release.root([f"{prefix}_{part}.txt" for part in ("train", "test", "shape_names")])
    classes = files.lines(f"{root}{prefix}_shape_names.txt")
    records = []
    for split in ("train", "test"):
        for name in files.lines(listed := f"{root}{prefix}_{split}.txt"):
            label = name.rpartition("_")[0]
            if label not in classes:
                raise UserError(f"{files.path}: {listed}: '{name}' is of no class in its list")
            key = f"{label}/{name}"
            records.append(modelnet_record(id=key, group=key, name=name, label=label, split=split))
    places = {record.id: ObjectFile(files, f"{root}{record.id}.txt") for record in records}
    there = set(files.names)
    release.check([record for record in records if places[record.id].name in there])
    return FileDataset(records, places, has_clouds=True)


def _open_hdf5(release: Release) -> Hdf5Clouds:
    """Release `hdf5` (PointNet, arXiv:1612.00593): 2,048 points of each surface, +Y up."""
    root = release.root(["train_files.txt", "test_files.txt", "shape_names.txt"])
    files = release.files
    splits = {
        split: [root + posixpath.basename(line) for line in files.lines(f"{root}{split}_files.txt")]
        for split in ("train", "test")
    }
    return Hdf5Clouds(release, splits, files.lines(f"{root}shape_names.txt"), modelnet_record)


def open_source(source: ModelNetSource) -> Dataset:
    """Open a release of ModelNet.

    Raises:
        UserError: if it is missing, incomplete or not of this layout.
    """
    name = f"ModelNet{source.categories}"
    if source.path is None:
        raise UserError(f"data: {name} is not here; let it be downloaded, or set the data set's `path` to it")
    sizes = SIZES[source.release, source.categories] if source.complete else None
    release = Release(Files(Path(source.path)), f"release `{source.release}` of {name}", sizes)
    if source.release == "hdf5":
        return _open_hdf5(release)
    return (_open_meshes if source.release == "meshes" else _open_resampled)(release, name)
