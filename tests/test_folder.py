"""Folders of meshes or clouds: every format, classes from folders or a CSV, the broken set aside."""

import os
import shutil
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import trimesh
from PIL import Image

from crossjepa.data.catalog import make_catalog
from crossjepa.data.files import Files
from crossjepa.data.listing import CLOUDS, MESHES, FolderListing, list_folder
from crossjepa.data.location import (
    check_labels,
    check_location,
    content_digest,
    has_meshes,
    has_views,
    outline_digest,
)
from crossjepa.data.normalise import UPRIGHT, surface
from crossjepa.data.registry import open_dataset
from crossjepa.data.scan import scan
from crossjepa.data.settings import DataSettings, FolderSource
from crossjepa.data.table import write_meshes
from crossjepa.errors import BadMesh, UserError

# A triangle mesh in Collada, which trimesh reads and does not need to write.
DAE = """<?xml version="1.0"?>
<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1">
<asset><up_axis>Y_UP</up_axis></asset>
<library_geometries><geometry id="g"><mesh>
<source id="p"><float_array id="a" count="{count}">{floats}</float_array><technique_common>
<accessor source="#a" count="{vertices}" stride="3"><param name="X" type="float"/>
<param name="Y" type="float"/><param name="Z" type="float"/></accessor></technique_common></source>
<vertices id="v"><input semantic="POSITION" source="#p"/></vertices>
<triangles count="{faces}"><input semantic="VERTEX" source="#v" offset="0"/><p>{indices}</p></triangles>
</mesh></geometry></library_geometries>
<library_visual_scenes><visual_scene id="s"><node><instance_geometry url="#g"/></node></visual_scene>
</library_visual_scenes><scene><instance_visual_scene url="#s"/></scene></COLLADA>"""


def write_mesh(mesh: trimesh.Trimesh, path: Path) -> None:
    """Write a mesh in the format that the file's suffix names."""
    if path.suffix != ".dae":
        mesh.export(path)
        return
    floats, indices = mesh.vertices.ravel(), mesh.faces.ravel()
    text = DAE.format(
        count=len(floats),
        floats=" ".join(map(str, floats)),
        vertices=len(mesh.vertices),
        faces=len(mesh.faces),
        indices=" ".join(map(str, indices)),
    )
    path.write_text(text)


def write_points(xyz: np.ndarray, path: Path) -> None:
    """Write points in the format that the file's suffix names."""
    if path.suffix == ".npy":
        np.save(path, xyz)
    elif path.suffix == ".npz":
        np.savez(path, points=xyz, labels=np.zeros(len(xyz)))
    elif path.suffix == ".pcd":
        header = f"FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nWIDTH {len(xyz)}\nHEIGHT 1\nDATA binary\n"
        path.write_bytes(header.encode() + xyz.astype("<f4").tobytes())
    elif path.suffix == ".ply":
        trimesh.PointCloud(xyz).export(path)
    else:
        np.savetxt(path, xyz, delimiter="," if path.suffix == ".txt" else " ")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder of meshes in every format, in two classes and one without; one file is broken."""
    for label in ("box", "ball"):
        (tmp_path / label / "deep").mkdir(parents=True)
    tall = trimesh.creation.box((1, 2, 6))
    for suffix in sorted(MESHES):
        write_mesh(tall, tmp_path / "box" / f"tall{suffix}")
    trimesh.creation.icosphere().export(tmp_path / "ball" / "deep" / "ROUND.STL")
    trimesh.creation.cone(1, 2).export(tmp_path / "unlabelled.ply")
    (tmp_path / "ball" / "torn.glb").write_bytes(b"glTF and no more")
    (tmp_path / "readme.txt").write_text("not a mesh")
    return tmp_path


def test_a_folder_of_meshes_takes_its_classes_from_its_folders(tree: Path) -> None:
    folder = open_dataset(FolderSource(path=str(tree), up="z", units="cm"))
    labels = {record.id: record.label for record in folder.objects()}
    tall = {f"box/tall{suffix}": "box" for suffix in MESHES}
    assert labels == {**tall, "ball/deep/ROUND.STL": "ball", "ball/torn.glb": "ball", "unlabelled.ply": ""}
    for object_id in tall:
        extents = surface(folder.load(object_id)).extents
        assert extents == pytest.approx([0.01, 0.06, 0.02], rel=1e-4), (
            f"{object_id}: +Z must become +Y, in metres"
        )
        assert folder.cloud(object_id) is None
    with pytest.raises(BadMesh, match="cut short"):
        folder.load("ball/torn.glb")


@pytest.mark.parametrize("suffix", sorted(CLOUDS))
def test_a_folder_of_clouds_is_read_in_every_format(tmp_path: Path, suffix: str) -> None:
    xyz = np.random.default_rng(0).normal(size=(80, 3)) * (1, 2, 3)
    (tmp_path / "a").mkdir()
    write_points(xyz, tmp_path / "a" / f"cloud{suffix}")
    folder = open_dataset(FolderSource(path=str(tmp_path), up="z"))
    assert [record.label for record in folder.objects()] == ["a"]
    cloud = folder.cloud(f"a/cloud{suffix}")
    assert cloud is not None
    assert cloud.points == pytest.approx(xyz[:, [0, 2, 1]] * (1, 1, -1), abs=1e-5)
    with pytest.raises(BadMesh, match="a point cloud, without a surface"):
        folder.load(f"a/cloud{suffix}")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("words.xyz", b"not a cloud", "no points: no line has three numbers"),
        ("torn.npz", b"PK", "cannot be read"),
        ("torn.pcd", b"# .PCD\n", "not a PCD file"),
        ("few.xyz", b"0 0 0\n1 1 1\n", "2 points, fewer than 32"),
        ("nearly.xyz", b"0 0 0\n1 1 nan\n" * 31, "31 points, fewer than 32; 31 of 62 rows are not finite"),
        ("same.xyz", b"1 1 1\n" * 99, "all points are the same"),
        ("nan.xyz", b"1 nan 1\n" * 99, "of 99 rows none is finite"),
        ("tiny.xyz", b"0 0 0\n1e-25 0 0\n" * 50, "its extent of 1e-25 is not between"),
        ("vast.xyz", b"0 0 0\n1e22 0 0\n" * 50, "its extent of 1e+22 is not between"),
        ("beyond.xyz", b"0 0 0\n1e300 0 0\n" * 50, "its extent of 1e+300 is not between"),
    ],
)
def test_a_broken_cloud_is_set_aside_with_its_reason(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    write_points(np.random.default_rng(0).normal(size=(40, 3)), tmp_path / "good.xyz")
    (tmp_path / name).write_bytes(content)
    source = FolderSource(path=str(tmp_path))
    table = scan(source, DataSettings(), threads=1).set_index("id")
    assert table.loc["good.xyz", ["status", "faces", "points", "warnings"]].tolist() == ["ok", 0, 40, ""]
    assert reason in table.loc[name, "status"]


def test_points_that_are_not_finite_are_dropped_and_counted(tmp_path: Path) -> None:
    xyz = np.random.default_rng(0).normal(size=(3000, 3))
    xyz[::5, 1] = np.nan
    np.save(tmp_path / "kinect.npy", xyz)
    row = scan(FolderSource(path=str(tmp_path)), DataSettings(), threads=1).iloc[0]
    assert (row["status"], row["points"]) == ("ok", 2400)
    assert row["warnings"] == "600 of 3000 rows are not finite and were dropped"


def _missing_buffers() -> bytes:
    """A GLB whose chunk of buffers is gone."""
    whole = trimesh.creation.box().export(file_type="glb")
    length = int.from_bytes(whole[12:16], "little")
    header = bytearray(whole[: 20 + length])
    header[8:12] = len(header).to_bytes(4, "little")
    return bytes(header)


def _torn_texture() -> bytes:
    """A GLB whose texture lost its middle."""
    mesh, pixels = trimesh.creation.box(), np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.fromarray(pixels))
    mesh.visual = trimesh.visual.TextureVisuals(uv=mesh.vertices[:, :2] + 0.5, material=material)
    whole = bytearray(mesh.export(file_type="glb"))
    start = whole.index(b"\x89PNG") + 2000
    whole[start : start + 4000] = bytes(4000)
    return bytes(whole)


def _stl(mesh: trimesh.Trimesh) -> bytes:
    return bytes(mesh.export(file_type="stl"))


BROKEN_MESHES = {
    "flat.obj": (b"v 0 0 0\nv 1 1 1\nv 2 2 2\nf 1 2 3\n", "no surface area"),
    "nan.obj": (b"v 0 0 0\nv 1 0 0\nv 0 nan 1\nf 1 2 3\n", "finite"),
    "huge.stl": (_stl(trimesh.creation.icosphere(5)), "20480 faces, more than data.max_faces = 10000 allows"),
    "faceless.off": (b"OFF\n3 0 0\n0 0 0\n1 0 0\n0 1 0\n", "no faces"),
    "words.obj": (b"Dear reader, this is a letter.\n", "no faces"),
    "buffers.glb": (_missing_buffers(), "buffer 0 has no data"),
    "empty.ply": (b"", "the file is empty"),
}


@pytest.mark.parametrize("name", BROKEN_MESHES)
def test_a_broken_mesh_is_set_aside_with_its_reason(tmp_path: Path, name: str) -> None:
    content, reason = BROKEN_MESHES[name]
    trimesh.creation.box().export(tmp_path / "good.stl")
    (tmp_path / name).write_bytes(content)
    source = FolderSource(path=str(tmp_path))
    table = scan(source, DataSettings(max_faces=10_000), threads=1).set_index("id")
    assert table.loc["good.stl", "status"] == "ok"
    assert reason in table.loc[name, "status"]


def test_a_mesh_without_its_texture_is_grey_and_told_or_set_aside(tmp_path: Path) -> None:
    trimesh.creation.box().export(tmp_path / "good.stl")
    (tmp_path / "torn.glb").write_bytes(_torn_texture())
    (tmp_path / "gone.obj").write_text(
        "mtllib m.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nusemtl m\nf 1/1 2/1 3/1\n"
    )
    (tmp_path / "m.mtl").write_text("newmtl m\nmap_Kd gone.png\n")
    source = FolderSource(path=str(tmp_path))
    grey = scan(source, DataSettings(), threads=1).set_index("id")
    assert grey["status"].tolist() == ["ok"] * 3
    assert grey.loc["good.stl", "warnings"] == ""
    assert "broken data stream" in grey.loc["torn.glb", "warnings"]
    assert "gone.png" in grey.loc["gone.obj", "warnings"]
    aside = scan(source, DataSettings(missing_textures="set_aside"), threads=1).set_index("id")
    assert aside.loc["good.stl", "status"] == "ok"
    assert aside.loc["torn.glb", "status"] == grey.loc["torn.glb", "warnings"]
    assert aside.loc["gone.obj", "status"] == grey.loc["gone.obj", "warnings"]


def test_a_small_part_far_from_the_rest_is_told(tmp_path: Path) -> None:
    box, speck = trimesh.creation.box(), trimesh.creation.box((0.01, 0.01, 0.01))
    box.export(tmp_path / "box.stl")
    (box + speck.apply_translation((50, 0, 0))).export(tmp_path / "stray.stl")
    table = scan(FolderSource(path=str(tmp_path)), DataSettings(), threads=1)
    assert table["status"].tolist() == ["ok", "ok"]
    assert table["warnings"][0] == ""
    assert "times as far out as the rest" in table["warnings"][1]


def test_vertices_that_are_not_finite_do_not_matter_where_no_face_has_them(tmp_path: Path) -> None:
    corners = "0 0 0\n1 0 0\n0 2 0\nnan nan nan\n"
    (tmp_path / "free.off").write_text(f"OFF\n4 1 0\n{corners}3 0 1 2\n")
    (tmp_path / "used.off").write_text(f"OFF\n4 2 0\n{corners}3 0 1 2\n3 0 1 3\n")
    table = scan(FolderSource(path=str(tmp_path)), DataSettings(), threads=1)
    assert table["status"].tolist() == ["ok", "vertices that are not finite"]
    assert table["extent_y"][0] == 2


@pytest.mark.parametrize(("up", "height", "taken"), [("file", 3, "z"), ("x", 1, "x"), ("y", 2, "y")])
def test_a_files_own_axis_is_taken_where_none_is_given(
    tmp_path: Path, up: Literal["file", "x", "y"], height: float, taken: str
) -> None:
    write_mesh(trimesh.creation.box((1, 2, 3)), tmp_path / "a.dae")
    (tmp_path / "a.dae").write_text((tmp_path / "a.dae").read_text().replace("Y_UP", "Z_UP"))
    trimesh.creation.box((1, 2, 3)).export(tmp_path / "b.stl")
    table = scan(FolderSource(path=str(tmp_path), up=up), DataSettings(), threads=1)
    assert table["extent_y"].tolist() == pytest.approx([height, 2 if up == "file" else height])
    assert table["up"].tolist() == [taken, "y" if up == "file" else taken]


def test_the_majority_decides_what_a_folder_holds_and_the_others_are_told(tmp_path: Path) -> None:
    for name in ("a.xyz", "b.ply", "c.npy", "d.txt"):
        write_points(np.eye(3), tmp_path / name)
    (tmp_path / "README.txt").write_text("Scans of 3 chairs, made on\n2024-05-01 with 12 cameras.\n")
    (tmp_path / "site.las").write_bytes(b"LASF")
    (tmp_path / "sheet.png").write_bytes(b"beside a mesh")
    trimesh.creation.box().export(tmp_path / "stray.ply")
    listing = FolderListing.read(tmp_path)
    assert [*listing.names] == ["a.xyz", "b.ply", "c.npy", "d.txt"]
    assert sorted(listing.passed_over) == [
        "1 .las passed over: not a supported format",
        "1 .ply passed over: the folder holds point clouds",
        "1 .txt passed over: no rows of numbers",
    ]
    for name in "efg":
        trimesh.creation.box().export(tmp_path / f"{name}.obj")
    listing = FolderListing.read(tmp_path)
    assert [*listing.names] == ["e.obj", "f.obj", "g.obj", "stray.ply"]
    assert "1 .xyz passed over: the folder holds meshes" in listing.passed_over
    assert open_dataset(FolderSource(path=str(tmp_path))).passed_over == listing.passed_over


def test_a_damaged_ply_is_of_the_kind_of_its_folder(tmp_path: Path) -> None:
    write_points(np.random.default_rng(0).normal(size=(40, 3)), tmp_path / "a.xyz")
    (tmp_path / "torn.ply").write_bytes(b"ply\nformat")
    table = scan(FolderSource(path=str(tmp_path)), DataSettings(), threads=1).set_index("id")
    assert "its header has no end" in table.loc["torn.ply", "status"]


def test_links_to_folders_are_followed_once_and_pipes_are_passed_over(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    (inside / "deep").mkdir(parents=True)
    (outside / "lamps").mkdir(parents=True)
    for path in (inside / "deep" / "a.stl", outside / "lamps" / "b.stl", outside / "c.stl"):
        trimesh.creation.box().export(path)
    (inside / "also deep").symlink_to(inside / "deep")
    (inside / "circle").symlink_to(inside)
    (inside / "deep" / "higher").symlink_to(tmp_path)
    (inside / "lamps").symlink_to(outside / "lamps")
    (inside / "more lamps").symlink_to(outside / "lamps")
    (outside / "lamps" / "back").symlink_to(inside)
    (inside / "gone.stl").symlink_to(tmp_path / "nowhere")
    os.mkfifo(inside / "pipe.stl")
    listing = FolderListing.read(inside)
    assert [*listing.names] == ["deep/a.stl", "lamps/b.stl"]
    assert listing.passed_over == ("2 .stl passed over: not a regular file",)
    with pytest.raises(BadMesh, match="not a regular file"):
        Files(inside).read("pipe.stl")


def test_a_name_that_is_not_utf8_is_read_under_a_readable_id(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(folder)
    for name, content in {b"/a\xff.xyz": b"0 0 0\n1 2 3\n" * 40, b"/b\xff.xyz": b"words"}.items():
        Path(os.fsdecode(folder + name)).write_bytes(content)
    source = FolderSource(path=str(tmp_path))
    table = scan(source, DataSettings(), threads=1)
    assert dict(zip(table["id"], table["status"] == "ok", strict=True)) == {
        r"caf\udce9/a\udcff.xyz": True,
        r"caf\udce9/b\udcff.xyz": False,
    }
    write_meshes(make_catalog(table, open_dataset(source).objects(), 0, 0.3), tmp_path / "catalog.parquet")
    assert len(content_digest(source)) == 64


def test_a_csv_names_objects_classes_splits_and_groups(tree: Path, tmp_path: Path) -> None:
    csv = tmp_path / "labels.csv"
    csv.write_text(
        "id,path,class,split,group\n"
        "one,box/tall.obj,tall,train,a\n"
        ",box/tall.off,tall,train,a\n"
        "three,ball/deep/ROUND.STL,tall,test,\n"
        "gone,nowhere.obj,round,train,\n"
    )
    source = FolderSource(path=str(tree), labels=str(csv))
    dataset = open_dataset(source)
    records = {record.id: record for record in dataset.objects()}
    assert list(records)[:4] == ["one", "box/tall.off", "three", "gone"]
    assert (records["one"].label, records["one"].split, records["one"].group) == ("tall", "train", "a")
    assert records["box/tall.glb"].label == "", "a file that the CSV does not name is unlabelled"
    table = scan(source, DataSettings(), threads=1)
    assert "No such file" in table.set_index("id").loc["gone", "status"]
    catalog = make_catalog(table, dataset.objects(), seed=0, test_fraction=0.3).set_index("id")
    assert catalog["split_given"].all()
    wanted = {"one": "train", "three": "test", "gone": "", "box/tall.glb": "pretrain"}
    assert {name: catalog.loc[name, "split"] for name in wanted} == wanted


def test_objaverse_files_are_found_by_their_names(tmp_path: Path) -> None:
    for shard, uid in (("000-000", "5f6d"), ("000-001", "77ab"), ("000-001", "90cc")):
        (tmp_path / "glbs" / shard).mkdir(parents=True, exist_ok=True)
        trimesh.creation.box().export(tmp_path / "glbs" / shard / f"{uid}.glb")
    (tmp_path / "labels.csv").write_text("id,class\n77ab,chair\n5f6d,table\n")
    source = FolderSource(path=str(tmp_path / "glbs"), labels=str(tmp_path / "labels.csv"))
    dataset = open_dataset(source)
    assert {r.id: r.label for r in dataset.objects()} == {
        "77ab": "chair",
        "5f6d": "table",
        "000-001/90cc.glb": "",
    }
    assert dataset.load("77ab").count == 12


def test_a_row_that_fits_two_files_names_both(tmp_path: Path) -> None:
    for name in ("a/box.stl", "b/box.stl", "a/only.stl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        trimesh.creation.box().export(tmp_path / name)
    csv = tmp_path / "labels.csv"
    csv.write_text("id,class\nonly,lid\nbox,box\n")
    source = FolderSource(path=str(tmp_path), labels=str(csv))
    with pytest.raises(UserError, match=r"'box' fits a/box\.stl and b/box\.stl; .*`path`"):
        open_dataset(source)
    csv.write_text("id,path,class\nonly,,lid\nbox,b/box.stl,box\n")
    labels = {record.id: record.label for record in open_dataset(source).objects()}
    assert labels == {"only": "lid", "box": "box", "a/box.stl": ""}


@pytest.mark.parametrize("spelling", ["./{0}", "a/../{0}", "{1}/{0}", "{1}/./{0}", "{2}/{0}", "{3}"])
def test_a_csv_may_spell_a_path_in_any_way(tmp_path: Path, spelling: str) -> None:
    folder, link = tmp_path / "files", tmp_path / "link"
    (folder / "a").mkdir(parents=True)
    link.symlink_to(folder)
    trimesh.creation.box().export(folder / "a" / "box.stl")
    written = spelling.format("a/box.stl", folder, link, r"a\box.stl")
    (tmp_path / "labels.csv").write_text(f"path,class\n{written},box\n")
    dataset = open_dataset(FolderSource(path=str(folder), labels=str(tmp_path / "labels.csv")))
    assert [(record.id, record.label) for record in dataset.objects()] == [("a/box.stl", "box")]
    (tmp_path / "labels.csv").write_text(f"id,class\n{written},box\n")
    dataset = open_dataset(FolderSource(path=str(folder), labels=str(tmp_path / "labels.csv")))
    assert [(record.id, record.label) for record in dataset.objects()] == [(written, "box")]
    assert dataset.load(written).count == 12


def test_an_object_in_several_formats_is_one_group_unless_the_csv_says_otherwise(tmp_path: Path) -> None:
    for name in ("a/chair.obj", "a/chair.stl", "a/stool.stl", "b/chair.stl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        trimesh.creation.box().export(tmp_path / name)
    csv = tmp_path / "labels.csv"

    def groups(labels: str | None) -> dict[str, str]:
        records = open_dataset(FolderSource(path=str(tmp_path), labels=labels)).objects()
        return {record.id: record.group for record in records}

    apart = {"a/stool.stl": "a/stool.stl", "b/chair.stl": "b/chair.stl"}
    assert groups(None) == {"a/chair.obj": "a/chair.obj", "a/chair.stl": "a/chair.obj", **apart}
    csv.write_text("id,path,group\none,a/chair.stl,\ntwo,a/chair.obj,\n")
    assert groups(str(csv)) == {"one": "one", "two": "one", **apart}
    csv.write_text("id,path,group\none,a/chair.stl,g\n")
    assert groups(str(csv)) == {"one": "g", "a/chair.obj": "g", **apart}
    csv.write_text("id,path,group\none,a/chair.stl,g\ntwo,a/chair.obj,h\n")
    assert groups(str(csv)) == {"one": "g", "two": "h", **apart}
    for written in ("chair", "a/chair"):
        csv.write_text(f"id,class\n{written},c\n")
        with pytest.raises(UserError, match=rf"'{written}' fits a/chair\.obj and a/chair\.stl"):
            groups(str(csv))


def test_textures_are_found_elsewhere_in_the_tree_and_beside_the_mesh_but_never_outside(
    tmp_path: Path,
) -> None:
    mesh = "mtllib box.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nusemtl m\nf 1/1 2/2 3/3\n"
    Image.new("RGB", (4, 4), (9, 8, 7)).save(tmp_path / "outside.png")
    (tmp_path / "in" / "meshes").mkdir(parents=True)
    (tmp_path / "in" / "textures").mkdir()
    Image.new("RGB", (4, 4), (1, 2, 3)).save(tmp_path / "in" / "textures" / "t.png")
    Image.new("RGB", (4, 4), (1, 2, 3)).save(tmp_path / "in" / "meshes" / "beside.png")
    (tmp_path / "in" / "meshes" / "box.obj").write_text(mesh)
    folder = open_dataset(FolderSource(path=str(tmp_path / "in")))
    for name, found in {
        "../textures/t.png": True,
        "C:\\work\\beside.png": True,
        "../../outside.png": False,
        str(tmp_path / "outside.png"): False,
    }.items():
        (tmp_path / "in" / "meshes" / "box.mtl").write_text(f"newmtl m\nmap_Kd {name}\n")
        mesh = folder.load("meshes/box.obj")
        (part,) = mesh.parts
        if found:
            assert part.texture is not None, name
            assert part.texture.image[0, 0].tolist() == [1, 2, 3, 255]
        assert (part.texture is None, len(mesh.warnings)) == (not found, not found), name


@pytest.mark.parametrize(
    ("name", "place", "found"),
    [
        ("sub/t.png", "lib/sub/t.png", True),
        ("sub/t.png", "lib/t.png", True),
        ("sub/t.png", "sub/t.png", True),
        ("D:\\work\\sub\\T.png", "lib/t.png", True),
        ("D:\\work\\sub\\t.png", "sub/t.png", True),
        ("/home/me/t.png", "t.png", True),
        ("t.png", "sub/t.png", False),
    ],
)
def test_textures_are_found_from_the_library_and_from_the_mesh(
    tmp_path: Path, name: str, place: str, found: bool
) -> None:
    mesh = "mtllib lib/m.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nusemtl m\nf 1/1 2/1 3/1\n"
    texture = tmp_path / "a" / place
    (tmp_path / "a" / "lib").mkdir(parents=True)
    texture.parent.mkdir(exist_ok=True)
    Image.new("RGB", (4, 4), (1, 2, 3)).save(texture)
    (tmp_path / "a" / "box.obj").write_text(mesh)
    (tmp_path / "a" / "lib" / "m.mtl").write_text(f"newmtl m\nmap_Kd {name}\n")
    loaded = open_dataset(FolderSource(path=str(tmp_path))).load("a/box.obj")
    assert (loaded.parts[0].texture is not None, loaded.warnings == ()) == (found, found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,colour\na,red\n", r"unknown column 'colour'; the first line may hold id,path,class,split,group"),
        ("id;class\na;box\n", r"unknown column 'id;class'; the first line may hold id,path"),
        ("class\nbox\n", "needs a column `id` or `path`"),
        ("id,class,split\na,box,valid\n", "line 2: split 'valid' is none of train, test, pretrain"),
        ("id,class\na,box\na,ball\n", "the id 'a' occurs twice; ids must be unique"),
        ("id,class\n,box\n", "line 2 has neither id nor path"),
    ],
)
def test_a_wrong_csv_is_named(tree: Path, text: str, message: str) -> None:
    csv = tree / "labels.csv"
    csv.write_text(text)
    with pytest.raises(UserError, match=rf"labels\.csv: .*{message}"):
        open_dataset(FolderSource(path=str(tree), labels=str(csv)))
    with pytest.raises(UserError, match=r"none\.csv: no such file"):
        open_dataset(FolderSource(path=str(tree), labels="none.csv"))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            "tall.obj,a,train,g\nbox/tall.off,a,test,g",
            "group 'g' of 'box/tall.off' is in both train and test",
        ),
        (
            "tall.obj,a,train,g\nbox/tall.off,b,test,h",
            "tests 'box/tall.off', but has no training object of class 'b'",
        ),
    ],
)
def test_a_given_split_must_be_usable(tree: Path, rows: str, message: str) -> None:
    csv = tree / "labels.csv"
    csv.write_text(f"path,class,split,group\nbox/{rows}\n")
    source = FolderSource(path=str(tree), labels=str(csv))
    table = scan(source, DataSettings(), threads=1)
    with pytest.raises(UserError, match=f"the given split:? {message}"):
        make_catalog(table, open_dataset(source).objects(), seed=0, test_fraction=0.3)


@pytest.mark.parametrize("up", ["x", "y", "z"])
def test_any_axis_becomes_up_without_mirroring(up: Literal["x", "y", "z"]) -> None:
    assert UPRIGHT[up] @ np.eye(3)["xyz".index(up)] == pytest.approx([0, 1, 0])
    assert np.linalg.det(UPRIGHT[up]) == pytest.approx(1)


def test_an_outline_notices_an_added_part_and_an_edited_list(tmp_path: Path) -> None:
    parts, lists = tmp_path / "parts", tmp_path / "lists"
    (parts / "02691156").mkdir(parents=True)
    lists.mkdir()
    (lists / "train.txt").write_text("02691156-a.npy\n")
    seen = [outline_digest([parts, lists])]
    (parts / "02691156" / "model.obj").write_text("deep inside")
    assert outline_digest([parts, lists]) == seen[0]
    (parts / "02773838").mkdir()
    seen.append(outline_digest([parts, lists]))
    (lists / "train.txt").write_text("02691156-b.npy\n")
    seen.append(outline_digest([parts, lists]))
    seen.append(outline_digest([lists / "train.txt"]))
    (lists / "train.txt").write_text("longer than it was\n")
    seen.append(outline_digest([lists / "train.txt"]))
    assert len(set(seen)) == 5


def test_a_missing_or_empty_folder_says_what_it_must_hold(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(UserError, match=r"no such folder, or nothing in it.*\.glb.*\.pcd"):
            open_dataset(FolderSource(path=str(path)))
    for name in ("a.las", "b.LAS", "c.fbx", "LICENSE"):
        (tmp_path / name).touch()
    with pytest.raises(
        UserError, match=r"holds only 2 \.las, 1 without suffix, 1 \.fbx; it must hold .*\.glb"
    ):
        open_dataset(FolderSource(path=str(tmp_path)))


def test_a_listing_notices_added_and_edited_meshes_and_nothing_else(tree: Path) -> None:
    before = FolderListing.read(tree).digest()
    (tree / "readme.txt").write_text("still not a mesh")
    assert FolderListing.read(tree).digest() == before
    with (tree / "box" / "tall.obj").open("a") as file:
        file.write("# edited\n")
    edited = FolderListing.read(tree).digest()
    shutil.copy(tree / "box" / "tall.obj", tree / "box" / "copy.obj")
    assert len({before, edited, FolderListing.read(tree).digest()}) == 3


def test_the_checks_before_a_run_list_a_folder_once(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walked, read = [], FolderListing.read
    monkeypatch.setattr(FolderListing, "read", lambda path: walked.append(str(path)) or read(path))
    list_folder.cache_clear()
    source = FolderSource(path=str(tree))
    check_location("mine", source)
    check_labels("mine", source)
    assert has_meshes(source)
    assert has_views(source)
    assert content_digest(source) == content_digest(FolderSource(path=str(tree)))
    assert walked == [str(tree)]


def test_an_edited_label_is_noticed(tree: Path) -> None:
    csv = tree / "labels.csv"
    source = FolderSource(path=str(tree), labels=str(csv))
    csv.write_text("path,class\nbox/tall.obj,box\n")
    before = content_digest(source)
    csv.write_text("path,class\nbox/tall.obj,lid\n")
    assert content_digest(source) != before


def test_copies_of_a_file_share_a_group(tree: Path) -> None:
    for label, copy in (("box", "copy.stl"), ("", "unlabelled copy.stl")):
        shutil.copy(tree / "box" / "tall.stl", tree / label / copy)
    source = FolderSource(path=str(tree))
    records = open_dataset(source).objects()
    meshes = scan(source, DataSettings(max_faces=10_000), threads=1)
    for seed in range(5):
        catalog = make_catalog(meshes, records, seed, 0.5).set_index("id")
        same = catalog.loc[["box/tall.stl", "box/copy.stl", "unlabelled copy.stl"]]
        assert same["group"].nunique() == 1
        assert same["split"].tolist() in (["train", "train", "pretrain"], ["test", "test", ""])
