"""Data: meshes read as they are, the broken set aside, splits that keep groups together, true clouds."""

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from crossjepa.commands.data import app
from crossjepa.data import location
from crossjepa.data.catalog import make_catalog, split_groups, untestable
from crossjepa.data.dataset import Dataset, ObjectRecord
from crossjepa.data.files import Files
from crossjepa.data.location import FURNITURE_ARCHIVES
from crossjepa.data.normalise import surface, unit_sphere
from crossjepa.data.point_store import point_arrays, stored_points, write_points
from crossjepa.data.registry import open_dataset
from crossjepa.data.sample import farthest_first, sample_mesh, thin_cloud
from crossjepa.data.scan import inspect_mesh, scan
from crossjepa.data.settings import DataSettings, FolderSource, FurnitureSource, ShapesSource
from crossjepa.data.sources.furniture import check_archive
from crossjepa.data.sources.shapes import CLASSES, Shapes
from crossjepa.data.table import check_broken, write_meshes
from crossjepa.errors import BadMesh, UserError
from crossjepa.mesh.mesh import Mesh, Part
from crossjepa.store import sharded
from crossjepa.store.reading import read_array
from crossjepa.store.seal import seal

DEFAULT = DataSettings()
PLANE = "v -1 0 -1\nv 1 0 -1\nv 1 0 1\nv -1 0 1\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"
TEXTURED = f"mtllib m.mtl\n{PLANE}usemtl painted\nf 1/1 3/3 2/2\nf 1/1 4/4 3/3\n"
BROKEN = {
    "empty": ("", "the file is empty"),
    "flat": ("v 0 0 0\nv 1 1 1\nv 2 2 2\nf 1 2 3\n", "no surface area"),
    "infinite": ("v 0 0 0\nv 1 0 0\nv 0 nan 1\nf 1 2 3\n", "finite"),
}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A furniture archive: a textured plane that must be turned upright, and three broken models."""
    picture = io.BytesIO()
    halves = np.zeros((16, 16, 3), dtype=np.uint8)
    halves[:, :8], halves[:, 8:] = (255, 0, 0), (0, 0, 255)
    Image.fromarray(halves).save(picture, "PNG")
    lines = [
        "model#1=/a/plane.obj",
        "name#1=Caf\\u00e9 plane",
        "creator#1=Ann",
        "modelRotation#1=1 0 0 0 0 -1 0 1 0",
    ]
    for number, name in enumerate(BROKEN, start=2):
        lines += [f"model#{number}=/a/{name}.obj", f"name#{number}={name}"]
    with zipfile.ZipFile(tmp_path / "Mine.sh3f", "w") as file:
        file.writestr("PluginFurnitureCatalog.properties", "\n".join(lines).encode("latin-1"))
        file.writestr("a/plane.obj", TEXTURED)
        file.writestr("a/M.MTL", "newmtl painted\nKd 1 1 1\nmap_Kd Colours.PNG\n")
        file.writestr("a/colours.png", picture.getvalue())
        for name, (text, _) in BROKEN.items():
            file.writestr(f"a/{name}.obj", text)
    return tmp_path


def furniture(folder: Path) -> Dataset:
    """Open the furniture archives in a folder."""
    return open_dataset(FurnitureSource(path=str(folder)))


def test_furniture_reads_names_creators_and_rotation(archive: Path) -> None:
    opened = furniture(archive)
    plane = opened.objects()[0]
    assert (plane.id, plane.name, plane.creator, plane.source) == ("a/plane.obj", "Café plane", "Ann", "Mine")
    vertices = surface(opened.load("a/plane.obj")).vertices
    assert np.ptp(vertices[:, 2]) == pytest.approx(0, abs=1e-9), "the plane that lay flat stands upright"
    assert np.ptp(vertices[:, 1]) == pytest.approx(2)


def test_materials_and_textures_are_found_whatever_the_case_of_their_names(archive: Path) -> None:
    (plane,) = furniture(archive).load("a/plane.obj").parts
    assert plane.texture is not None
    assert plane.texture.image.shape == (16, 16, 4)
    assert plane.texture.image[0, [0, 15]].tolist() == [[255, 0, 0, 255], [0, 0, 255, 255]]


@pytest.mark.parametrize("name", BROKEN)
def test_broken_meshes_say_why(archive: Path, name: str) -> None:
    with pytest.raises(BadMesh, match=BROKEN[name][1]):
        inspect_mesh(furniture(archive).load(f"a/{name}.obj"), DEFAULT)


def test_a_scan_sets_broken_meshes_aside_and_too_many_stop_the_run(archive: Path) -> None:
    table = scan(FurnitureSource(path=str(archive)), DEFAULT, threads=1)
    assert table.loc[0, "status"] == "ok"
    for status, (_, reason) in zip(table["status"][1:], BROKEN.values(), strict=True):
        assert reason in status
    assert table.loc[0, ["extent_x", "extent_y"]].tolist() == [2, 2]
    meshes, store = archive / "meshes.parquet", archive / "points"
    write_meshes(table, meshes)
    check_broken(meshes, 0.75)
    command = ["layout", "--dataset", "furniture", "--meshes", str(meshes), "--store", str(store)]
    result = CliRunner().invoke(app, [*command, "--settings", '{"data": {"max_bad_fraction": 0.7}}'])
    assert "3 of 4 meshes are broken, more than data.max_bad_fraction = 0.7 allows" in str(result.exception)
    assert not store.exists()


def test_a_scan_without_any_usable_object_fails(tmp_path: Path) -> None:
    (tmp_path / "a.obj").write_text("no mesh")
    with pytest.raises(UserError, match=r"no object of 1 is usable; the first: no faces"):
        scan(FolderSource(path=str(tmp_path)), DEFAULT, threads=1)


class Odd(Shapes):
    """Shapes, one of which fails in a way that nobody foresaw."""

    def load(self, object_id: str) -> Mesh:
        if object_id == "bottle-000003":
            raise ValueError("two\nlines")
        return super().load(object_id)


def test_an_unforeseen_failure_costs_one_object_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = Odd(6, seed=0)
    ids = [record.id for record in odd.objects()]
    monkeypatch.setattr("crossjepa.data.scan.open_dataset", lambda *_: odd)
    table = scan(ShapesSource(), DEFAULT, threads=1)
    sharded.create(tmp_path / "points", sharded.Layout(6, 1, 6), point_arrays(64), {})
    write_points(odd, ids, tmp_path / "points", 0, 64, 0, DEFAULT.limits)
    looked = dict(zip(table["id"], table["status"], strict=True))
    assert looked == dict.fromkeys(ids, "ok") | {"bottle-000003": "ValueError: two lines"}
    assert seal(tmp_path / "points", ids, 0.5).set_aside == {"bottle-000003": "ValueError: two lines"}


def test_two_objects_with_one_id_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Twice(Shapes):
        def objects(self) -> list[ObjectRecord]:
            return [*super().objects(), super().objects()[3]]

    monkeypatch.setattr("crossjepa.data.scan.open_dataset", lambda *_: Twice(24, seed=0))
    with pytest.raises(UserError, match="two objects have the id 'bottle-000003'"):
        scan(ShapesSource(), DEFAULT, threads=1)


def test_a_mesh_that_no_reader_understands_is_a_bad_mesh(archive: Path) -> None:
    with zipfile.ZipFile(archive / "Mine.sh3f", "a") as file:
        file.writestr("a/noise.obj", bytes(range(256)))
    with pytest.raises(BadMesh):
        inspect_mesh(Files(archive / "Mine.sh3f").mesh("a/noise.obj"), DEFAULT)


def test_missing_and_altered_archives_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Scopia\.sh3f: missing; data\.furniture\.path must hold"):
        check_archive(tmp_path / "Scopia.sh3f")
    for name in ("Scopia.sh3f", "Mine.sh3f"):
        (tmp_path / name).write_bytes(b"half an archive")
    with pytest.raises(UserError, match=r"Scopia\.sh3f: not .* fetch it again"):
        check_archive(tmp_path / "Scopia.sh3f")
    with pytest.raises(UserError, match=r"Mine\.sh3f: not a readable archive"):
        furniture(tmp_path).objects()


def test_the_labels_are_whole() -> None:
    labels = pd.read_csv(Path(location.__file__).parent / "furniture_labels.csv", dtype=str)
    assert (len(labels), labels["class"].nunique(), labels["group"].nunique()) == (425, 26, 386)
    assert not labels["model"].duplicated().any()
    assert set(labels["library"] + ".sh3f") == set(FURNITURE_ARCHIVES)
    assert (labels.groupby("group")["class"].nunique() == 1).all()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 12)), min_size=2, max_size=80),
    st.integers(0, 50),
    st.floats(0.1, 0.5),
)
def test_groups_never_straddle_and_classes_stand_on_both_sides(
    drawn: list[tuple[int, int]], seed: int, fraction: float
) -> None:
    objects = pd.DataFrame([{"class": f"c{c}", "group": f"{c}-{g}"} for c, g in drawn])
    objects["split"] = split_groups(objects, seed, fraction)
    assert (objects.groupby("group")["split"].nunique() == 1).all()
    for _, members in objects.groupby("class"):
        both = members["group"].nunique() > 1
        assert members["split"].nunique() == 2 if both else (members["split"] == "train").all()
    assert split_groups(objects, seed, fraction).equals(objects["split"])


def test_the_furniture_split_is_about_seventy_to_thirty() -> None:
    labels = pd.read_csv(Path(location.__file__).parent / "furniture_labels.csv", dtype=str)
    share = (split_groups(labels, 0, 0.3) == "test").mean()
    assert 0.26 < share < 0.34
    assert not split_groups(labels, 0, 0.3).equals(split_groups(labels, 1, 0.3))


def test_no_class_is_tested_without_being_trained() -> None:
    """A file of class a is also the only one of class b."""
    rows = [("a", "shared"), ("b", "shared"), ("a", "one"), ("a", "two"), ("c", "three"), ("c", "four")]
    objects = pd.DataFrame(rows, columns=["class", "group"])
    for seed in range(40):
        split = split_groups(objects, seed, 0.4)
        assert set(objects["class"][split == "train"]) == {"a", "b", "c"}
        assert set(objects["class"][split == "test"]) == {"a", "c"}


def test_the_furniture_split_never_changes() -> None:
    labels = pd.read_csv(Path(location.__file__).parent / "furniture_labels.csv", dtype=str)
    splits = ",".join("".join(part[0] + part[1] for part in split_groups(labels, n, 0.3)) for n in range(3))
    assert hashlib.sha256(splits.encode()).hexdigest()[:16] == "e5e9bd97bb5b18a3"


def test_the_catalog_keeps_copies_of_test_objects_from_pretraining() -> None:
    records = Shapes(len(CLASSES) * 4, seed=0).objects()
    ids = [r.id for r in records]
    extra = ["copy of a test object", "only unlabelled", "broken"]
    blank = {k: v for k, v in vars(records[0]).items() if k not in ("id", "label", "group")}
    unlabelled = [ObjectRecord(id=i, label="", group=i, **blank) for i in extra]
    table = pd.DataFrame({"id": ids + extra, "sha256": ids + extra, "status": "ok"})
    table.loc[table["id"] == "broken", "status"] = "no faces"
    catalog = make_catalog(table, [*records, *unlabelled], seed=0, test_fraction=0.3)
    tested = catalog.loc[catalog["split"] == "test", "id"].iloc[0]
    table.loc[table["id"] == "copy of a test object", "sha256"] = tested
    catalog = make_catalog(table, [*records, *unlabelled], seed=0, test_fraction=0.3)
    assert dict(zip(extra, catalog["split"].tail(3), strict=True)) == {
        "copy of a test object": "",
        "only unlabelled": "pretrain",
        "broken": "",
    }


def test_the_catalog_tells_what_a_probe_cannot_do(tmp_path: Path) -> None:
    for name in ("lamp/one", "chair/a", "chair/b", "chair/c", *(f"desk/{number}" for number in range(5))):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.xyz").write_text(f"{name[-1:].encode()[0]} 1 2\n0 0 0\n" * 20)
    (tmp_path / "notes.txt").write_text("five desks")
    inline, table = f'{{"data": {{"mine": {{"kind": "folder", "path": "{tmp_path}"}}}}}}', tmp_path / "meshes"
    common = ["--settings", inline, "--dataset", "mine"]
    told = CliRunner().invoke(app, ["scan", *common, "--output", str(table)]).output
    assert "1 .txt passed over: no rows of numbers" in told
    catalog = tmp_path / "catalog"
    told = (
        CliRunner().invoke(app, ["catalog", *common, "--meshes", str(table), "--output", str(catalog)]).output
    )
    assert "class 'lamp': 1 group; it cannot be tested" in told
    assert "class 'chair': 3 groups; it would be missing from some of 5 folds" in told
    assert "desk'" not in told
    assert "1 .txt passed over: no rows of numbers" in pd.read_parquet(catalog).attrs["passed_over"]
    singles = pd.read_parquet(catalog).drop_duplicates("class").assign(split="train")
    assert untestable(singles, 5)[0].startswith("no class has two groups to train on: no folds can be made")


def test_shapes_are_whole_varied_and_the_same_every_time() -> None:
    shapes = Shapes(2 * len(CLASSES), seed=0)
    records = shapes.objects()
    assert len({r.label for r in records}) >= 12
    assert {r.source for r in records} == {"procedural"}
    digests = [shapes.digest(r.id) for r in records]
    assert len(set(digests)) == len(records)
    assert digests == [Shapes(2 * len(CLASSES), seed=0).digest(r.id) for r in records]
    assert digests[0] != Shapes(1, seed=1).digest(records[0].id)
    for record in records:
        seen = inspect_mesh(shapes.load(record.id), DEFAULT)
        assert seen["faces"] > 20


def test_a_larger_set_of_shapes_begins_with_the_smaller() -> None:
    small, large = Shapes(30, seed=2), Shapes(3000, seed=2)
    assert [r.id for r in large.objects()[:30]] == [r.id for r in small.objects()]
    assert large.digest(small.objects()[7].id) == small.digest(small.objects()[7].id)


def test_every_kind_has_its_adapter() -> None:
    assert len(open_dataset(ShapesSource(objects=24)).objects()) == 24
    with pytest.raises(UserError, match=r"no \.sh3f archives; .* set data\.furniture\.path"):
        open_dataset(FurnitureSource())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 200), st.floats(0.01, 100), st.tuples(*[st.floats(-50, 50)] * 3))
def test_the_frame_is_centred_and_one_across(
    number: int, scale: float, shift: tuple[float, float, float]
) -> None:
    matrix = np.diag([scale, scale, scale, 1.0])
    matrix[:3, 3] = shift
    mesh = Shapes(300, seed=1).load(Shapes(300, seed=1).objects()[number].id).transformed(matrix)
    framed = surface(mesh.transformed(unit_sphere(mesh)))
    assert np.linalg.norm(framed.vertices, axis=1).max() == pytest.approx(1, abs=1e-6)
    centroid = np.average(framed.triangles_center, axis=0, weights=framed.area_faces)
    assert centroid == pytest.approx(0, abs=1e-6)


def test_clouds_are_even_by_area_in_the_frame_of_the_cameras_and_seeded() -> None:
    large = trimesh.creation.box((2, 2, 2))
    small = trimesh.creation.box((1, 1, 1)).apply_translation((5, 0, 0))
    mesh = Mesh(tuple(Part(each.vertices, each.faces, np.ones(4)) for each in (large, small)))
    cloud = sample_mesh(mesh, 8192, seed=0)
    xyz = cloud.xyz
    assert {k: (v.shape, str(v.dtype)) for k, v in vars(cloud).items()} == {
        k: (a.shape, a.dtype) for k, a in point_arrays(8192).items()
    }
    in_source_units = trimesh.transform_points(xyz, np.linalg.inv(unit_sphere(mesh)))
    faces = np.abs(in_source_units - np.where(in_source_units[:, :1] > 2.5, (5, 0, 0), 0)).max(axis=1)
    assert faces == pytest.approx(np.where(in_source_units[:, 0] > 2.5, 0.5, 1), abs=1e-5)
    assert farthest_first(xyz)[:100].tolist() == list(range(100))
    on_small = (xyz[:, 0] > xyz[:, 0].max() - 1.2 * np.ptp(xyz[:, 0]) / 6.5).mean()
    assert on_small == pytest.approx(6 / 30, abs=0.02)
    again = sample_mesh(mesh, 8192, seed=0)
    assert all(np.array_equal(values, vars(again)[name]) for name, values in vars(cloud).items())
    assert not np.array_equal(xyz, sample_mesh(mesh, 8192, seed=1).xyz)
    assert (cloud.first[:, 0] > cloud.first[:, 0].max() - 0.31).mean() == pytest.approx(6 / 30, abs=0.04), (
        "the first points are drawn from the whole surface"
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(64, 3000), st.integers(1024, 2500), st.integers(0, 9))
def test_a_data_sets_own_cloud_is_thinned_or_repeated_and_its_beginning_kept(
    given_points: int, wanted: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    xyz = (rng.normal(size=(given_points, 3)) * (3, 1, 1) + 7).astype(np.float32)
    sampled = thin_cloud(xyz, wanted)
    assert {k: (v.shape, str(v.dtype)) for k, v in vars(sampled).items()} == {
        k: (a.shape, a.dtype) for k, a in point_arrays(wanted).items()
    }
    kept = min(given_points, wanted, 2048)
    assert np.array_equal(sampled.first[:kept], xyz[:kept]), "as they are in the file"
    assert np.linalg.norm(sampled.xyz, axis=1).max() == pytest.approx(1, abs=1e-5)
    assert len(np.unique(sampled.xyz, axis=0)) == min(given_points, wanted)


@pytest.mark.parametrize(
    ("points", "wanted", "stored"),
    [
        ([300, 80], 8192, 2048),  # as many as an encoder may be shown
        ([3000, 300], 8192, 3000),
        ([9000, 300], 8192, 8192),
        ([300, 80], 1024, 1024),
        ([0, 0], 8192, 8192),  # meshes
    ],
)
def test_a_store_keeps_what_an_encoder_may_be_shown(
    tmp_path: Path, points: list[int], wanted: int, stored: int
) -> None:
    table = pd.DataFrame({"id": ["a", "b"], "status": "ok", "points": points})
    write_meshes(table, tmp_path / "meshes.parquet")
    assert stored_points(tmp_path / "meshes.parquet", wanted) == stored


def test_clouds_begin_with_their_farthest_points() -> None:
    xyz = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    order = farthest_first(xyz)
    assert sorted(order) == list(range(300))
    ordered = xyz[order].astype(float)
    assert order[0] == np.linalg.norm(xyz - xyz.mean(axis=0), axis=1).argmax()
    for count in (5, 40, 120):
        gaps = np.linalg.norm(ordered[:, None] - ordered[None, :count], axis=2).min(axis=1)
        assert gaps[count] == pytest.approx(gaps.max(), rel=1e-5)


def test_a_meshs_points_are_the_same_points_whatever_their_frame() -> None:
    """Where they lie was measured before the frame changed; the shapes, too, must stay what they were."""
    shapes = Shapes(15, seed=0)
    xyz = sample_mesh(shapes.load("chair-000005"), 2048, seed=1).xyz.astype(float)
    centred = xyz - xyz.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1).max()
    assert centred[:3] == pytest.approx(
        np.array(
            [
                [0.4045917, -0.8182408, 0.4083962],
                [-0.4314088, 0.6577494, -0.2686189],
                [-0.4379578, -0.5063165, -0.2466952],
            ]
        ),
        abs=1e-6,
    )
    assert shapes.digest("chair-000005") == "4127209f651f16cc8dfec5e58987cc9c9984925ded8a2b9d25d1016d19181065"


def test_a_shard_holds_the_clouds_of_its_objects(tmp_path: Path) -> None:
    shapes = Shapes(24, seed=0)
    ids = [r.id for r in shapes.objects()][:5]
    sharded.create(tmp_path, sharded.Layout(5, 2, 4), point_arrays(1024), {})
    for shard in range(2):
        write_points(shapes, ids, tmp_path, shard, points=1024, seed=3, limits=DEFAULT.limits)
    seal(tmp_path, ids, 0)
    clouds = read_array(tmp_path, "xyz")
    assert clouds.shape == (5, 1024, 3)
    assert np.isfinite(clouds).all()
    sharded.create(tmp_path / "one", sharded.Layout(5, 1, 8), point_arrays(1024), {})
    write_points(shapes, ids, tmp_path / "one", 0, points=1024, seed=3, limits=DEFAULT.limits)
    seal(tmp_path / "one", ids, 0)
    assert np.array_equal(read_array(tmp_path / "one", "xyz"), clouds), "shards do not change clouds"
