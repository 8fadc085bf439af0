"""ScanObjectNN: the official layout, three variants, points as they are, whole or refused."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from layouts import SCANOBJECTNN, write_scanobjectnn, zipped

from crossjepa.data.dataset import Dataset
from crossjepa.data.registry import open_dataset
from crossjepa.data.settings import DataSettings, ScanObjectNNSource
from crossjepa.data.sources.scanobjectnn import CLASSES, VARIANTS
from crossjepa.errors import UserError


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The official folder, with few objects of 64 points."""
    return write_scanobjectnn(tmp_path_factory.mktemp("scan") / "deep", train=2, test=1, points=64)


def part(path: Path, variant: str, complete: bool = False) -> Dataset:
    """Open a part of a variant."""
    given = {"variant": variant, "path": str(path), "complete": complete}
    return open_dataset(ScanObjectNNSource.model_validate(given))


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_variant_reads_its_own_files_from_folder_and_zip(
    tmp_path: Path, release: Path, variant: str
) -> None:
    folder, name, _ = VARIANTS[variant]
    with h5py.File(release / folder / f"test_{name}") as file:
        rows, labels = file["data"][:], file["label"][:]
    stem = Path(f"test_{name}").stem
    for path in (release, release.parent, zipped(release, tmp_path / "h5_files.zip")):
        dataset = part(path, variant)
        known = {record.id: record for record in dataset.objects()}
        assert len(known) == 45
        assert [r.split for r in known.values()].count("test") == 15
        for row in (0, 7, 14):
            cloud = dataset.cloud(f"test/{stem}/{row}")
            assert cloud is not None
            assert np.array_equal(cloud.points, rows[row]), "points in the file's order, untouched"
            assert known[f"test/{stem}/{row}"].label == SCANOBJECTNN[labels[row]]


def test_classes_are_numbered_as_its_authors_do() -> None:
    assert CLASSES == SCANOBJECTNN
    assert (len(CLASSES), CLASSES[0], CLASSES[9], CLASSES[14]) == (15, "bag", "table", "toilet")


def test_one_entry_makes_three_data_sets(release: Path) -> None:
    sources = DataSettings.model_validate({"scanobjectnn": {"path": str(release), "complete": False}}).sources
    opened = [open_dataset(sources[f"scanobjectnn_{variant}"]) for variant in VARIANTS]
    assert len({dataset.digest(dataset.objects()[0].id) for dataset in opened}) == 3


@pytest.mark.parametrize(
    ("variant", "sizes"),
    [("obj_bg", "2,309 .* 581"), ("obj_only", "2,309 .* 581"), ("pb_t50_rs", "11,416 .* 2,882")],
)
def test_a_truncated_variant_is_refused(release: Path, variant: str, sizes: str) -> None:
    with pytest.raises(
        UserError,
        match=rf"h5_files: 30 train and 15 test objects, where variant {variant} .* has {sizes} test; .*"
        "get it again, .* or set `complete: false`",
    ):
        part(release, variant, complete=True).objects()


def test_it_cannot_be_downloaded_and_says_how_to_get_it() -> None:
    with pytest.raises(
        UserError, match=r"licence form.*https://hkust-vgd\.github\.io/scanobjectnn/.*scanobjectnn\.path"
    ):
        open_dataset(ScanObjectNNSource(variant="obj_bg"))
    with pytest.raises(UserError, match="set `variant` to obj_bg"):
        open_dataset(ScanObjectNNSource(path="anywhere"))


def test_missing_files_are_named(tmp_path: Path) -> None:
    root = write_scanobjectnn(tmp_path, train=1, test=1, points=64)
    (root / "main_split_nobg" / "test_objectdataset.h5").unlink()
    with pytest.raises(
        UserError, match=r"main_split_nobg/test_objectdataset\.h5 is missing from variant obj_only"
    ):
        part(tmp_path, "obj_only")
    with pytest.raises(
        UserError, match=r"main_split: not variant obj_bg of .* holds no main_split/training_"
    ):
        part(root / "main_split", "obj_bg")


def test_labels_out_of_range_are_named(tmp_path: Path) -> None:
    root = write_scanobjectnn(tmp_path, train=1, test=1, points=64)
    with h5py.File(root / "main_split" / "test_objectdataset.h5", "a") as file:
        file["label"][3] = 15
    with pytest.raises(UserError, match=r"test_objectdataset\.h5: has labels from 0 to 15, but 15 classes"):
        part(root, "obj_bg").objects()
