"""ModelNet: three releases in their official layouts, from folders and zips, upright, whole or refused."""

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from layouts import (
    MODELNET40,
    surface,
    write_modelnet_hdf5,
    write_modelnet_off,
    write_modelnet_resampled,
    zipped,
)

from crossjepa.data import normalise
from crossjepa.data.dataset import Dataset
from crossjepa.data.registry import open_dataset
from crossjepa.data.scan import inspect_cloud, inspect_mesh, scan
from crossjepa.data.settings import DataSettings, ModelNetSource
from crossjepa.data.sources.modelnet import SIZES
from crossjepa.errors import BadMesh, UserError
from crossjepa.settings import read_section

CLASSES = ("airplane", "night_stand", "cone", "tv_stand")
WRITERS: dict[str, Callable[..., Path]] = {
    "meshes": write_modelnet_off,
    "resampled": write_modelnet_resampled,
    "hdf5": write_modelnet_hdf5,
}


def part(path: Path, release: str, **settings: object) -> Dataset:
    """Open a part of a release."""
    given = {"release": release, "path": str(path), "complete": False, **settings}
    return open_dataset(ModelNetSource.model_validate(given))


@pytest.mark.parametrize("release", WRITERS)
def test_a_release_reads_the_same_from_its_folder_the_one_above_and_its_zip(
    tmp_path: Path, release: str
) -> None:
    root = WRITERS[release](tmp_path / "deep" / "er", CLASSES, 3, 2)
    archive = zipped(root, tmp_path / "release.zip")
    opened = [part(path, release) for path in (root, tmp_path / "deep", archive)]
    objects = opened[0].objects()
    assert sorted({record.label for record in objects}) == sorted(CLASSES)
    for label in CLASSES:
        splits = [record.split for record in objects if record.label == label]
        assert (splits.count("train"), splits.count("test")) == (3, 2)
    assert len({record.id for record in objects}) == len(objects) == 20
    assert all(record.group == record.id and record.creator == "various" for record in objects)
    for dataset in opened[1:]:
        assert dataset.objects() == objects
        for record in objects[::4]:
            assert dataset.digest(record.id) == opened[0].digest(record.id)
    assert len({opened[0].digest(record.id) for record in objects}) == 20


def test_meshes_are_turned_upright_whatever_their_header(tmp_path: Path) -> None:
    dataset = part(write_modelnet_off(tmp_path, ("a", "b", "cone"), 3, 0), "meshes")
    headers = {path.read_text().split("\n")[0][:4] for path in tmp_path.rglob("*.off")}
    assert {header[:3] for header in headers} == {"OFF"}
    assert len({len(header) for header in headers}) == 2, "alone, and fused with the counts"
    assert next(r.id for r in dataset.objects() if r.label == "cone") == "cone/train/cone_0001.off"
    for number in (1, 2, 3):
        loaded = dataset.load(f"cone/train/cone_000{number}.off")
        mesh, seen = normalise.surface(loaded), inspect_mesh(loaded, DataSettings())
        assert (seen["faces"], seen["up"]) == (len(mesh.faces), "z")
        height = mesh.vertices[:, 1]
        assert (height > height.max() - 1e-6).sum() == 1, "the cone's tip points to +Y"
        assert (height < height.min() + 1e-6).sum() >= 16, "and its base lies below"
        assert mesh.volume > 0, "and the turn keeps the frame right-handed"
        assert dataset.cloud(f"cone/train/cone_000{number}.off") is None


def test_resampled_clouds_keep_the_order_of_their_points(tmp_path: Path) -> None:
    dataset = part(write_modelnet_resampled(tmp_path, CLASSES, 2, 1, points=500), "resampled")
    assert [r.id for r in dataset.objects()][2] == "night_stand/night_stand_0001"
    cloud = dataset.cloud("night_stand/night_stand_0001")
    assert cloud is not None
    np.testing.assert_allclose(cloud.points, surface(1, 1, 500)[0], atol=1e-6)
    assert cloud.points.dtype == np.float32
    assert inspect_cloud(cloud)["points"] == 500
    with pytest.raises(BadMesh, match="a point cloud"):
        dataset.load("night_stand/night_stand_0001")


def test_hdf5_rows_are_untouched_and_labelled_by_the_lists(tmp_path: Path) -> None:
    root = write_modelnet_hdf5(tmp_path, CLASSES, 3, 2, points=64)
    with h5py.File(root / "ply_data_train1.h5") as file:
        rows, labels = file["data"][:], file["label"][:, 0]
    for dataset in (part(root, "hdf5"), part(zipped(root, tmp_path / "m.zip"), "hdf5")):
        known = {record.id: record for record in dataset.objects()}
        for row, label in enumerate(labels):
            cloud = dataset.cloud(f"train/ply_data_train1/{row}")
            assert cloud is not None
            assert np.array_equal(cloud.points, rows[row])
            assert known[f"train/ply_data_train1/{row}"].label == CLASSES[label]
        assert known["test/ply_data_test0/0"].split == "test"


def test_a_part_of_modelnet10_reads_its_own_lists(tmp_path: Path) -> None:
    write_modelnet_resampled(tmp_path, MODELNET40[:4], 1, 1, points=64)
    root = write_modelnet_resampled(tmp_path / "ten", MODELNET40[1:3], 1, 1, points=64, categories=10)
    for path in root.glob("modelnet10_*"):
        shutil.copy(path, tmp_path / "modelnet40_normal_resampled")
    dataset = part(tmp_path / "modelnet40_normal_resampled", "resampled", categories=10)
    assert {record.label for record in dataset.objects()} == set(MODELNET40[1:3])


def test_the_folder_of_the_wanted_data_set_is_chosen(tmp_path: Path) -> None:
    write_modelnet_off(tmp_path, ("bed", "cone"), 1, 1)
    write_modelnet_off(tmp_path, ("bed",), 1, 1, categories=10)
    assert len(part(tmp_path, "meshes").objects()) == 4
    assert len(part(tmp_path, "meshes", categories=10).objects()) == 2
    renamed = (tmp_path / "ModelNet10").rename(tmp_path / "mine")
    assert len(part(renamed, "meshes", categories=10).objects()) == 2
    with pytest.raises(
        UserError, match=r"ModelNet40: holds no ModelNet10/<class>/train/\*\.off .*set `path`"
    ):
        part(tmp_path / "ModelNet40", "meshes", categories=10).objects()


@pytest.mark.parametrize(("release", "categories"), SIZES)
def test_a_truncated_release_is_refused_with_both_sizes(
    tmp_path: Path, release: str, categories: int
) -> None:
    named = {} if release == "hdf5" else {"categories": categories}
    root = WRITERS[release](tmp_path, ("bed",), 3, 1, **named)
    whole = SIZES[release, categories]  # type: ignore[index]
    with pytest.raises(
        UserError,
        match=f"3 train and 1 test objects, where release `{release}` of ModelNet{categories} has "
        rf"{whole['train']:,} train and {whole['test']:,} test; .*truncated.*"
        "get it again.*`complete: false`",
    ):
        part(root, release, categories=categories, complete=True).objects()


def test_a_whole_release_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for release, write in WRITERS.items():
        root = write(tmp_path / release, CLASSES, 2, 1)
        monkeypatch.setitem(SIZES, (release, 40), {"train": 8, "test": 4})  # type: ignore[misc]
        assert len(part(root, release, complete=True).objects()) == 12
    (tmp_path / "resampled/modelnet40_normal_resampled/cone/cone_0001.txt").unlink()
    with pytest.raises(UserError, match="7 train and 4 test"):
        part(tmp_path / "resampled", "resampled", complete=True).objects()


def test_a_missing_archive_says_where_to_get_it() -> None:
    with pytest.raises(UserError, match=r"ModelNet40 is not here; let it be downloaded, or set .*`path`"):
        open_dataset(ModelNetSource())
    with pytest.raises(UserError, match=r"nowhere\.zip: no such file or folder; set .*`path`"):
        open_dataset(ModelNetSource(path="nowhere.zip"))


def test_a_release_that_does_not_exist_is_a_wrong_setting() -> None:
    settings = '{"data": {"modelnet10": {"release": "hdf5"}}}'
    with pytest.raises(UserError, match=r"data\.modelnet10: ModelNet10 has no release `hdf5`; set `release`"):
        read_section(DataSettings, "data", settings)


def test_half_a_zip_is_named(tmp_path: Path) -> None:
    archive = zipped(write_modelnet_off(tmp_path, ("bed",), 2, 1), tmp_path / "ModelNet40.zip")
    (tmp_path / "half.zip").write_bytes(archive.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"half\.zip: not a readable archive"):
        part(tmp_path / "half.zip", "meshes")


@pytest.mark.parametrize("release", WRITERS)
def test_another_release_than_said_is_named(tmp_path: Path, release: str) -> None:
    other = {"meshes": "hdf5", "hdf5": "resampled", "resampled": "meshes"}[release]
    root = WRITERS[other](tmp_path, ("bed",), 1, 1)
    with pytest.raises(UserError, match=rf"{root.name}: .*release `{release}`.*set `path`"):
        part(root, release).objects()


@pytest.mark.parametrize(
    ("release", "name"),
    [
        ("resampled", "modelnet40_test.txt"),
        ("resampled", "modelnet40_shape_names.txt"),
        ("hdf5", "train_files.txt"),
        ("hdf5", "shape_names.txt"),
    ],
)
def test_a_missing_list_is_named(tmp_path: Path, release: str, name: str) -> None:
    root = WRITERS[release](tmp_path, ("bed",), 1, 1)
    (root / name).unlink()
    with pytest.raises(UserError, match=rf"{name} is missing from release `{release}`"):
        part(root, release).objects()


def test_a_name_of_no_class_is_named(tmp_path: Path) -> None:
    root = write_modelnet_resampled(tmp_path, ("bed",), 1, 1, points=64)
    (root / "modelnet40_test.txt").write_text("sofa_0001\n")
    with pytest.raises(UserError, match=r"modelnet40_test\.txt: 'sofa_0001' is of no class"):
        part(root, "resampled").objects()


def test_a_class_may_occur_in_test_alone(tmp_path: Path) -> None:
    root = write_modelnet_off(tmp_path, ("bed", "cone"), 1, 1)
    shutil.rmtree(root / "cone" / "train")
    assert [r.split for r in part(root, "meshes").objects() if r.label == "cone"] == ["test"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("OFF\n3 1 0\n0 0 0\n1 0 0\n", "ends early"),
        ("OFF\n3 2 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n", "ends early"),
        ("OFF\n3 1 0\n0 0 0\n# 1 0 0\n# 0 1 0\n3 0 1 2\n", "ends early"),
        ("OFF # 3 1 0\n", "not an OFF file"),
        ("PLY\n", "not an OFF file"),
        ("", "the file is empty"),
        ("OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 x\n3 0 1 2\n", "not a number"),
    ],
)
def test_broken_meshes_are_bad_meshes(tmp_path: Path, text: str, reason: str) -> None:
    root = write_modelnet_off(tmp_path, ("bed",), 1, 0)
    (root / "bed/train/bed_0001.off").write_text(text)
    with pytest.raises(BadMesh, match=reason):
        part(root, "meshes").load("bed/train/bed_0001.off")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1,2,3,0,1,0\n1,2\n", "cannot be read"),
        ("1,2\n1,2\n", "no line has three numbers"),
        ("noise\n", "no line has three numbers"),
    ],
)
def test_broken_clouds_are_bad_meshes(tmp_path: Path, text: str, reason: str) -> None:
    root = write_modelnet_resampled(tmp_path, ("bed",), 1, 1, points=64)
    (root / "bed/bed_0001.txt").write_text(text)
    (root / "bed/bed_0002.txt").unlink()
    dataset = part(root, "resampled")
    with pytest.raises(BadMesh, match=reason):
        dataset.cloud("bed/bed_0001")
    with pytest.raises(BadMesh, match="cannot be read: No such file"):
        dataset.cloud(dataset.objects()[1].id)


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("label", None, r"holds no `label`, only \['data', 'faceId', 'normal'\]"),
        ("data", None, "holds no `data`"),
        ("label", np.full((2, 1), 7, np.uint8), "labels from 7 to 7, but 1 classes"),
        ("label", np.zeros((5, 1), np.uint8), r"'label': \(5, 1\)"),
        ("data", np.zeros((2, 6), np.float32), r"'data': \(2, 6\)"),
    ],
)
@pytest.mark.parametrize("from_zip", [False, True])
def test_unusable_hdf5_files_are_named(
    tmp_path: Path, key: str, value: np.ndarray | None, complaint: str, from_zip: bool
) -> None:
    root = write_modelnet_hdf5(tmp_path, ("bed",), 2, 2, points=64)
    with h5py.File(root / "ply_data_test0.h5", "a") as file:
        del file[key]
        if value is not None:
            file[key] = value
    path = zipped(root, tmp_path / "m.zip") if from_zip else root
    with pytest.raises(UserError, match=rf"{path.name}: .*ply_data_test0\.h5: .*{complaint}"):
        part(path, "hdf5").objects()


def test_missing_and_torn_hdf5_files_are_named(tmp_path: Path) -> None:
    root = write_modelnet_hdf5(tmp_path, ("bed",), 2, 2)
    torn = root / "ply_data_train0.h5"
    torn.write_bytes(torn.read_bytes()[:5000])
    for path in (root, zipped(root, tmp_path / "m.zip")):
        with pytest.raises(
            UserError, match=r"ply_data_train0\.h5: not a readable HDF5 file .*; fetch it again"
        ):
            part(path, "hdf5").objects()
    torn.unlink()
    with pytest.raises(UserError, match=r"ply_data_train0\.h5: is missing; fetch it again"):
        part(root, "hdf5").objects()


def test_a_scan_reads_a_zip_in_other_processes(tmp_path: Path) -> None:
    archive = zipped(write_modelnet_hdf5(tmp_path, ("bed", "cone"), 3, 1, points=128), tmp_path / "m.zip")
    source = ModelNetSource(release="hdf5", complete=False, path=str(archive))
    table = scan(source, DataSettings(), threads=2)
    assert table["status"].eq("ok").all()
    assert table["points"].tolist() == [128] * 8


@pytest.mark.parametrize("head", ["# by hand\nOFF", "COFF", "OFF # by hand\n# 1 2 3", "OFF"])
def test_comments_and_colours_are_part_of_the_format(tmp_path: Path, head: str) -> None:
    root = write_modelnet_off(tmp_path, ("bed",), 1, 0)
    colour = " 255 0 0 255" if head == "COFF" else ""
    vertices = "".join(f"{xyz}{colour}\n" for xyz in ("0 0 0", "1 0 0", "0 1 0", "0 0 1"))
    (root / "bed/train/bed_0001.off").write_text(f"{head}\n4 2 0\n{vertices}# faces\n3 0 1 2\n3 0 1 3\n")
    mesh = part(root, "meshes").load("bed/train/bed_0001.off")
    assert mesh.count == 2
    assert mesh.triangles.max(axis=(0, 1)) == pytest.approx([1, 1, 0])
