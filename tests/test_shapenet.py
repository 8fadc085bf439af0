"""ShapeNet: meshes of both versions, clouds, views, lists, unpacked or not; what is missing is set aside."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from layouts import (
    r2n2_camera,
    shape,
    shapenet_models,
    write_shapenet_lists,
    write_shapenet_points,
    write_shapenet_v1,
    write_shapenet_v2,
    write_shapenet_views,
    write_shapenet_zips,
    zipped,
)

from crossjepa.data.dataset import Dataset
from crossjepa.data.location import check_location
from crossjepa.data.normalise import surface
from crossjepa.data.registry import open_dataset
from crossjepa.data.scan import inspect_cloud, inspect_mesh
from crossjepa.data.settings import DataSettings, ShapeNetSource
from crossjepa.errors import BadMesh, UserError

IDS = [f"{synset}-{model}" for synset, model, _ in shapenet_models()]


def shapenet(**places: Path) -> Dataset:
    """Open ShapeNet from where its parts lie."""
    return open_dataset(ShapeNetSource.model_validate({k: str(v) for k, v in places.items()}))


@pytest.mark.parametrize("write", [write_shapenet_v1, write_shapenet_v2])
def test_meshes_read_the_same_unpacked_in_zips_and_in_one_zip(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    root = write(tmp_path / "data")
    places = [
        root,
        root.parent,
        write_shapenet_zips(root, tmp_path / "zips"),
        zipped(root, tmp_path / "everything.zip"),
    ]
    opened = [shapenet(path=place) for place in places]
    objects = opened[0].objects()
    assert [record.id for record in objects] == sorted(IDS)
    assert {record.label for record in objects} == {"airplane", "chair", "table"}
    assert {record.split for record in objects} == {"pretrain"}
    for dataset in opened:
        assert dataset.objects() == objects
        assert dataset.digest(IDS[4]) == opened[0].digest(IDS[4])
        assert dataset.cloud(IDS[4]) is None
        assert dataset.views(IDS[4]) is None
        mesh = dataset.load(IDS[4])
        np.testing.assert_allclose(surface(mesh).extents, shape(1, 4).extents, atol=1e-5)
        assert inspect_mesh(mesh, DataSettings())["faces"] == len(shape(1, 4).faces)


def test_a_v2_models_texture_is_found_beside_it_and_in_zips(tmp_path: Path) -> None:
    root = write_shapenet_v2(tmp_path)
    for place in (root, write_shapenet_zips(root, tmp_path / "zips")):
        (model,) = shapenet(path=place).load(IDS[3]).parts
        assert model.texture is not None
        assert (model.texture.image == (250, 40, 30, 255)).all()


def test_clouds_stand_for_meshes_where_there_are_none(tmp_path: Path) -> None:
    points = write_shapenet_points(tmp_path, points=300)
    for place in (points, tmp_path, zipped(points, tmp_path / "pc.zip")):
        dataset = shapenet(points=place)
        assert [record.id for record in dataset.objects()] == sorted(IDS)
        cloud = dataset.cloud(IDS[0])
        assert cloud is not None
        assert inspect_cloud(cloud)["points"] == 300
        assert np.array_equal(cloud.points, np.load(points / f"{IDS[0]}.npy"))
        with pytest.raises(BadMesh, match="a point cloud, without a surface"):
            dataset.load(IDS[0])
    assert dataset.objects()[0].label == "02691156", "without a taxonomy the synset's number is the class"


def test_meshes_and_clouds_together(tmp_path: Path) -> None:
    dataset = shapenet(path=write_shapenet_v2(tmp_path), points=write_shapenet_points(tmp_path, points=100))
    assert dataset.cloud(IDS[0]) is not None
    assert dataset.load(IDS[0]).count
    clouds = shapenet(points=tmp_path / "shapenet_pc")
    assert dataset.digest(IDS[0]) == clouds.digest(IDS[0]), "the cloud is what is learned from"


def test_lists_say_which_objects_there_are_and_how_they_are_split(tmp_path: Path) -> None:
    points = write_shapenet_points(tmp_path, models=4, points=100)
    lists = write_shapenet_lists(tmp_path, models=3)
    dataset = shapenet(points=points, lists=lists)
    assert [(r.id, r.split) for r in dataset.objects()] == [
        *((i, "train") for n, i in enumerate(IDS) if n % 3 < 2),
        *((i, "test") for i in IDS[2::3]),
    ]
    (points / f"{IDS[0]}.npy").unlink()
    with pytest.raises(BadMesh, match=rf"its cloud {IDS[0]}\.npy is missing"):
        shapenet(points=points, lists=lists).cloud(IDS[0])
    with pytest.raises(BadMesh, match="missing"):
        shapenet(points=points, lists=lists).digest(IDS[0])


@pytest.mark.parametrize("kind", ["folder", "zips", "zip"])
def test_a_listed_mesh_that_is_missing_is_a_bad_mesh(tmp_path: Path, kind: str) -> None:
    root = write_shapenet_v1(tmp_path, models=2)
    if kind == "zips":
        root = write_shapenet_zips(root, tmp_path / "zips")
    if kind == "zip":
        root = zipped(root, tmp_path / "all.zip")
    dataset = shapenet(path=root, lists=write_shapenet_lists(tmp_path, models=3))
    assert len(dataset.objects()) == 9
    assert dataset.load(IDS[0]).count
    for absent in (IDS[2], "99999999-none"):
        with pytest.raises(BadMesh, match=f"its mesh is not in {root.name}"):
            dataset.load(absent)
        with pytest.raises(BadMesh, match="its mesh is not in"):
            dataset.digest(absent)


def test_views_come_with_the_cameras_that_took_them(tmp_path: Path) -> None:
    views = write_shapenet_views(tmp_path)
    points = write_shapenet_points(tmp_path, points=100)
    synset, model = IDS[5].split("-")
    lines = (views / synset / model / "rendering" / "rendering_metadata.txt").read_text().splitlines()
    for place in (views, tmp_path, zipped(views, tmp_path / "views.zip")):
        files = shapenet(points=points, views=place).views(IDS[5])
        assert files is not None
        assert len(files) == 24
        for number in (0, 23):
            told = [float(value) for value in lines[number].split()]
            path = views / synset / model / "rendering" / f"{number:02}.png"
            file = files[number]
            assert file.image == path.read_bytes()
            assert (file.roll, file.distance) == pytest.approx((0, 3.5 * told[3]))
            stands = [
                np.cos(file.elevation) * np.sin(file.azimuth),
                np.sin(file.elevation),
                np.cos(file.elevation) * np.cos(file.azimuth),
            ]
            np.testing.assert_allclose(
                np.multiply(stands, file.distance * 0.5), r2n2_camera(*told[:4])[:3, 3], atol=1e-9
            )


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("renderings.txt", None, r"renderings\.txt: cannot be read"),
        ("renderings.txt", "00.png\n", r"views: 1 in renderings\.txt, 24 in rendering_metadata\.txt"),
        ("rendering_metadata.txt", "1 2 3\n" * 24, "five finite numbers a line"),
        ("rendering_metadata.txt", "1 2 0 0.8 nan\n" * 24, "five finite numbers a line"),
        ("rendering_metadata.txt", "1 2 0 far 25\n", "cannot be read"),
        ("rendering_metadata.txt", "", "five finite numbers a line"),
        ("07.png", None, r"07\.png: cannot be read"),
    ],
)
def test_incomplete_views_set_one_object_aside(
    tmp_path: Path, name: str, content: str | None, reason: str
) -> None:
    views = write_shapenet_views(tmp_path, models=1)
    dataset = shapenet(points=write_shapenet_points(tmp_path, models=1, points=100), views=views)
    synset, model, _ = next(shapenet_models())
    path = views / synset / model / "rendering" / name
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(BadMesh, match=reason):
        dataset.views(f"{synset}-{model}")
    assert dataset.views(IDS[3])


def test_all_missing_places_are_named_at_once() -> None:
    source = ShapeNetSource(path="here", lists="there")
    missing = r"^data\.shapenet\.path: here; data\.shapenet\.lists: there: no such file or folder$"
    with pytest.raises(UserError, match=missing):
        check_location("shapenet", source)


def test_wrong_places_are_named_with_their_key(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"https://shapenet\.org and set data\.shapenet\.path .*shapenet\.points"
    ):
        open_dataset(ShapeNetSource(views=str(tmp_path)))
    for key in ("path", "points", "views", "lists"):
        with pytest.raises(UserError, match=rf"nowhere: no such file or folder; set data\.shapenet\.{key}"):
            shapenet(**{"points": tmp_path, key: tmp_path / "nowhere"})
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"empty: holds no <synset>/<model>/models/model_normalized\.obj"):
        shapenet(path=tmp_path / "empty").objects()
    with pytest.raises(UserError, match=r"empty: holds no <synset>-<model>\.npy; set `points`"):
        shapenet(points=tmp_path / "empty").objects()
    (tmp_path / "half.zip").write_bytes(b"PK\3\4")
    with pytest.raises(UserError, match=r"half\.zip: not a readable archive"):
        shapenet(path=tmp_path / "half.zip").objects()
    views = zipped(write_shapenet_points(tmp_path, points=10), tmp_path / "none.zip")
    with pytest.raises(UserError, match=r"none\.zip: holds no <synset>/<model>/rendering/; set `views`"):
        shapenet(points=tmp_path, views=views).views(IDS[0])


def test_wrong_lists_and_taxonomies_are_named(tmp_path: Path) -> None:
    root = write_shapenet_v1(tmp_path, models=1)
    lists = write_shapenet_lists(tmp_path)
    (lists / "train.txt").write_text(f"{IDS[0]}.npy\nchair\n")
    with pytest.raises(UserError, match=r"train\.txt: 'chair' is not <synset>-<model>\.npy"):
        shapenet(path=root, lists=lists).objects()
    (lists / "train.txt").unlink()
    with pytest.raises(UserError, match=r"ShapeNet-55: train\.txt: cannot be read: No such file"):
        shapenet(path=root, lists=lists).objects()
    (root / "taxonomy.json").write_text("{")
    with pytest.raises(UserError, match=r"ShapeNetCore\.v1: its taxonomy\.json is not ShapeNetCore's"):
        shapenet(path=root)


def test_a_broken_cloud_is_a_bad_mesh(tmp_path: Path) -> None:
    points = write_shapenet_points(tmp_path, points=100)
    (points / f"{IDS[0]}.npy").write_bytes(b"\x93NUMPY half")
    with pytest.raises(BadMesh, match="cannot be read"):
        shapenet(points=points).cloud(IDS[0])
