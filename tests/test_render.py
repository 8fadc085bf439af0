"""What rendering promises: cameras where the pose says, views that depend on nothing else."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from crossjepa.commands.render import app
from crossjepa.data.dataset import Dataset
from crossjepa.data.guard import Limits
from crossjepa.data.normalise import unit_sphere
from crossjepa.errors import BadMesh
from crossjepa.mesh.mesh import Mesh, Part, Texture, to_linear
from crossjepa.render.cameras import camera_distance, camera_to_world, place_cameras
from crossjepa.render.contact_sheet import OBJECTS, choose, draw_contact_sheet
from crossjepa.render.renderer import Renderer
from crossjepa.render.settings import RenderSettings
from crossjepa.render.thumbnails import thumbnails_spec
from crossjepa.render.views import colour_histogram, render_views, thumbnails
from crossjepa.store.bundle import read_bundle
from crossjepa.store.sharded import ArraySpec, Layout, create

SMALL = RenderSettings(views=4, image_size=64, colour_bins=4)
LIMITS = Limits(60, 4)
RED, GREEN, BLUE, GLASS = [220, 30, 30, 255], [30, 200, 30, 255], [30, 30, 220, 255], [90, 160, 255, 100]


def part(mesh, colour=(180, 180, 180, 255), **rest):
    """A trimesh's triangles in one colour."""
    alpha = "opaque" if colour[3] == 255 else "blend"
    factor = to_linear(np.array(colour) / 255)
    return Part(np.array(mesh.vertices), np.array(mesh.faces), factor, **{"alpha": alpha, **rest})


def block(colour, extents, centre):
    return part(trimesh.creation.box(extents, trimesh.transformations.translation_matrix(centre)), colour)


def ball(subdivisions, colour=(180, 180, 180, 255)):
    return Mesh((part(trimesh.creation.icosphere(subdivisions), colour),))


def totem(*more):
    """Nothing about it is symmetrical: red to +X, green to +Z, blue above, glass in front."""
    bars = (
        block(RED, [0.6, 0.2, 0.2], [0.3, 0, 0]),
        block(GREEN, [0.2, 0.1, 0.8], [0, 0, 0.4]),
        block(BLUE, [0.15, 0.5, 0.15], [0, 0.25, 0]),
        block(GLASS, [0.3, 0.3, 0.02], [0.1, 0.1, 0.3]),
    )
    return Mesh(bars + more)


def ambiguous_totem():
    """Two panes lie in one plane: which of them wins a pixel hangs on the order of drawing."""
    return totem(block([255, 160, 90, 100], [0.3, 0.3, 0.02], [0.15, 0.15, 0.3]))


def painted(image, wrap=("repeat", "repeat"), shift=0.0, factor=(1, 1, 1, 1), **rest):
    """A unit square facing +Z under an image."""
    vertices = np.array([[-0.5, -0.5, 0], [0.5, -0.5, 0], [0.5, 0.5, 0], [-0.5, 0.5, 0]])
    uv = vertices[:, :2] + 0.5 + [shift, 0]
    texture = Texture(np.asarray(image.convert("RGBA")), uv, wrap)
    return Part(vertices, np.array([[0, 1, 2], [0, 2, 3]]), np.array(factor, float), texture, **rest)


def draw(mesh, settings=SMALL, azimuth=0.0, elevation=0.4):
    pose = np.array([[azimuth, elevation, camera_distance(settings.field_of_view), 0, 1, 0]], np.float32)
    views, foreground = Renderer(settings).draw(mesh, unit_sphere(mesh), pose)
    return views[0], foreground[0]


class Shelf(Dataset):
    """A data set of meshes; those given as an exception cannot be read."""

    def __init__(self, **meshes):
        self.meshes = meshes

    def objects(self):
        return []

    def load(self, object_id):
        mesh = self.meshes[object_id]
        if isinstance(mesh, Exception):
            raise mesh
        return mesh

    def digest(self, object_id):
        return object_id


poses = st.tuples(
    st.floats(-7, 7), st.floats(-1.5, 1.5), st.floats(1.1, 20), st.just(0.0), st.just(1.0), st.just(0.0)
).map(lambda values: np.array(values, np.float32))


@given(poses)
def test_a_camera_stands_where_its_pose_says_upright_and_looks_at_the_origin(pose):
    azimuth, elevation, distance = pose[:3].astype(float)
    matrix = camera_to_world(pose)
    turn = matrix[:3, :3]
    np.testing.assert_allclose(turn.T @ turn, np.eye(3), atol=1e-9)
    assert np.linalg.det(turn) == pytest.approx(1)
    # Independent reference: Euler rotations applied to a camera that starts on +Z, looking along -Z.
    about_y = trimesh.transformations.rotation_matrix(azimuth, [0, 1, 0])
    about_x = trimesh.transformations.rotation_matrix(-elevation, [1, 0, 0])
    back = trimesh.transformations.translation_matrix([0, 0, distance])
    np.testing.assert_allclose(matrix, about_y @ about_x @ back, atol=1e-6)
    origin_in_camera = np.linalg.inv(matrix) @ [0, 0, 0, 1]
    np.testing.assert_allclose(origin_in_camera, [0, 0, -distance, 1], atol=1e-6)


@given(st.floats(10, 120))
def test_the_unit_sphere_just_fits_the_field_of_view(field_of_view):
    distance = camera_distance(field_of_view)
    tangent_half_angle = np.arcsin(1 / distance)
    assert 0.95 * np.radians(field_of_view) / 2 < tangent_half_angle < np.radians(field_of_view) / 2


def test_a_ring_has_equal_steps_at_one_elevation():
    ring = place_cameras(RenderSettings(views=8, elevation=25))
    assert ring.shape == (8, 6)
    assert ring.dtype == np.float32
    np.testing.assert_allclose(np.degrees(ring[:, 0]), np.arange(8) * 45, atol=1e-4)
    np.testing.assert_allclose(np.degrees(ring[:, 1]), 25, atol=1e-4)
    np.testing.assert_array_equal(ring[:, 3:], np.tile([0, 1, 0], (8, 1)))


def test_a_fibonacci_sphere_covers_all_directions_evenly():
    cameras = place_cameras(RenderSettings(views=64, layout="fibonacci"))
    directions = np.array([camera_to_world(pose)[:3, 3] / pose[2] for pose in cameras])
    cosine = directions @ directions.T - 2 * np.eye(64)
    nearest = np.degrees(np.arccos(cosine.max(axis=1)))
    assert nearest.min() > 0.6 * np.degrees(np.sqrt(4 * np.pi / 64))
    assert np.abs(directions.mean(axis=0)).max() < 0.02


def test_plus_x_is_right_plus_y_is_up_and_plus_z_is_near():
    view, drawn = draw(totem(), elevation=0.0)
    rows, columns = np.indices(drawn.shape)
    red, green, blue = (drawn & (view.argmax(axis=-1) == c) & (view.min(axis=-1) < 100) for c in range(3))
    assert columns[red].mean() > columns[green].mean() + 5
    assert rows[blue].mean() < rows[green].mean() - 5
    behind, _ = draw(totem(), azimuth=np.pi, elevation=0.0)
    # Perspective: the green bar's end is larger when it points at the camera.
    assert green.sum() > (behind.argmax(axis=-1) == 1)[behind.min(axis=-1) < 100].sum()


@pytest.mark.parametrize("turn", [0.3, 1.9, -2.5])
def test_turning_the_object_is_the_same_as_adding_to_the_azimuth(turn):
    turned = totem().transformed(trimesh.transformations.rotation_matrix(turn, [0, 1, 0]))
    still, drawn = draw(totem(), azimuth=0.7)
    moved, _ = draw(turned, azimuth=0.7 + turn)
    differs = np.abs(still.astype(int) - moved).max(axis=-1) > 8
    assert differs.sum() < 0.005 * drawn.sum()  # rounding at edges only
    unmoved, _ = draw(turned, azimuth=0.7)
    assert (np.abs(still.astype(int) - unmoved).max(axis=-1) > 8).sum() > 0.2 * drawn.sum()


def test_views_are_bit_identical_in_another_process():
    views, _ = draw(ambiguous_totem())
    script = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import hashlib, test_render as t\n"
        "print(hashlib.sha256(t.draw(t.ambiguous_totem())[0].tobytes()).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == hashlib.sha256(views.tobytes()).hexdigest()
    np.testing.assert_array_equal(views, draw(ambiguous_totem())[0])


def test_the_background_is_white_and_the_object_is_neither_cropped_nor_black():
    view, drawn = draw(ball(3, (255, 255, 255, 255)))
    assert (view[~drawn] == 255).all()
    assert not drawn[[0, -1]].any()
    assert not drawn[:, [0, -1]].any()
    assert drawn.any(axis=0).sum() > 0.9 * SMALL.image_size  # it fills the frame
    assert view[drawn].min() > 120
    assert view[drawn].max() < 255  # and stands out from the background


def test_reversed_faces_are_lit_like_others():
    (outside,) = ball(3).parts
    view, drawn = draw(ball(3))
    reverse, _ = draw(Mesh((replace(outside, faces=outside.faces[:, ::-1]),)))
    assert np.abs(view[drawn].astype(int) - reverse[drawn]).mean() < 2


@pytest.mark.parametrize("given", [True, False])
def test_a_transform_turns_the_normals_with_the_surface(given):
    """Mirrored and stretched, as instances in a file are; with the normals that the file gives, or none."""
    sphere = trimesh.creation.icosphere(4)
    transform = trimesh.transformations.rotation_matrix(0.8, [1, 2, 0]) @ np.diag([-1.0, 1, 2, 1])
    normals = sphere.vertices.copy() if given else None
    moved = Mesh((part(sphere, normals=normals),)).transformed(transform)
    baked = Mesh((part(trimesh.Trimesh(moved.parts[0].vertices, sphere.faces, process=False)),))
    view, drawn = draw(moved)
    difference = np.abs(view.astype(int) - draw(baked)[0])[drawn]
    tolerance = 1
    assert np.ptp(view[drawn]) > 20 * tolerance  # there is shading to compare
    assert difference.mean() < tolerance


def test_mirroring_does_not_make_a_smooth_surface_facetted():
    view, drawn = draw(ball(2))  # coarse enough to tell, and its own mirror image
    mirrored = ball(2).transformed(np.diag([-1.0, 1, 1, 1]))
    assert np.abs(view[drawn].astype(int) - draw(mirrored)[0][drawn]).mean() < 0.5


def two_halves():
    """Green above, red below."""
    image = Image.new("RGB", (64, 64), "red")
    image.paste((0, 255, 0), (0, 0, 64, 32))
    return image


def test_textures_are_upright_and_keep_their_colours():
    view, _ = draw(Mesh((painted(two_halves()),)), elevation=0.0)
    top, bottom = view[24, 32].astype(int), view[40, 32].astype(int)
    assert top.argmax() == 1
    assert bottom.argmax() == 0
    assert bottom[0] > 180  # red stays red
    assert bottom[1:].max() < 60  # nor is it bleached


def test_factor_texture_and_colours_multiply():
    """Each of the three leaves one channel out: what is left of white is nothing but the sheen."""
    magenta = Image.new("RGB", (4, 4), (255, 0, 255))
    yellow = np.tile([1.0, 1, 0, 1], (4, 1))
    whole, _ = draw(Mesh((painted(magenta),)), elevation=0.0)
    cyan, _ = draw(Mesh((painted(magenta, factor=[0, 1, 1, 1]),)), elevation=0.0)
    dark, _ = draw(Mesh((painted(magenta, factor=[0, 1, 1, 1], vertex_colours=yellow),)), elevation=0.0)
    assert whole[32, 32, [0, 2]].min() > 180
    assert cyan[32, 32].argmax() == 2
    assert cyan[32, 32, :2].max() < 60
    assert dark[32, 32].max() < 60


@pytest.mark.parametrize(
    ("wrap", "shift", "expected"), [("repeat", 1.0, "rg"), ("clamp", 1.0, "gg"), ("mirror", 1.0, "gr")]
)
def test_outside_of_an_image_it_repeats_is_clamped_or_mirrored(wrap, shift, expected):
    left_and_right = two_halves().transpose(Image.Transpose.ROTATE_270)
    assert left_and_right.getpixel((0, 0)) == (255, 0, 0)
    view, _ = draw(Mesh((painted(left_and_right, (wrap, "repeat"), shift),)), elevation=0.0)
    assert "".join("rgb"[view[32, column].argmax()] for column in (24, 40)) == expected


@pytest.mark.parametrize(
    ("alpha", "left", "right"), [("opaque", 0, 0), ("mask", None, 0), ("blend", None, 0)]
)
def test_alpha_is_ignored_cuts_or_lets_through_as_the_material_says(alpha, left, right):
    """The image's left half has no alpha, its right half some: over the cutoff, so a mask makes it solid."""
    image = Image.new("RGBA", (64, 64), (220, 30, 30, 0))
    image.paste((220, 30, 30, 180), (32, 0, 64, 64))
    view, drawn = draw(Mesh((painted(image, alpha=alpha),)), elevation=0.0)
    for column, hue in ((20, left), (44, right)):
        assert drawn[32, column] == (hue is not None)
        assert hue is None or view[32, column].argmax() == hue
    solid = draw(Mesh((painted(image.convert("RGB")),)), elevation=0.0)[0][32, 44]
    assert np.array_equal(view[32, 44], solid) == (alpha != "blend")


def test_a_cut_away_surface_hides_nothing_behind_it():
    hole = painted(Image.new("RGBA", (8, 8), (220, 30, 30, 0)), alpha="blend")
    wall = block(GREEN, [1, 1, 0.02], [0, 0, -0.3])
    view, _ = draw(Mesh((hole, wall)), elevation=0.0)
    assert view[32, 32].argmax() == 1
    assert view[32, 32, 1] > 150


def test_face_colours_and_sharp_edges_are_kept():
    box = trimesh.creation.box()
    colours = to_linear(np.where(box.face_normals[:, [1]] > 0.5, GREEN, RED) / 255)
    view, drawn = draw(Mesh((part(box, (255,) * 4, face_colours=colours),)), azimuth=0.6)
    hues = view[drawn].argmax(axis=-1)
    assert set(hues) == {0, 1}
    assert len(np.unique(view[drawn][hues == 0] // 12, axis=0)) <= 4  # two flat sides, a faint sheen


def test_what_lies_behind_glass_shines_through_in_whatever_order_it_is_stored():
    pane = block(GLASS, [1, 1, 0.02], [0, 0, 0.3])
    wall = block(RED, [1, 1, 0.02], [0, 0, -0.3])
    alone, _ = draw(Mesh((pane,)), elevation=0.0)
    both, _ = draw(Mesh((pane, wall)), elevation=0.0)
    assert both[32, 32, 2] > both[32, 32, 1]  # tinted by the pane
    assert int(both[32, 32, 1]) < int(alone[32, 32, 1]) - 30  # but no longer white behind it
    np.testing.assert_array_equal(both, draw(Mesh((wall, pane)), elevation=0.0)[0])


@pytest.mark.parametrize(
    "script",
    [
        "import pyrender.renderer as r; r.Renderer._configure_main_framebuffer = lambda self: None",
        "from crossjepa.render import renderer as r; r.SHADER_EDITS.append(('mesh.vert', 'not there', ''))",
    ],
)
def test_a_pyrender_that_cannot_be_edited_is_refused(script):
    script = f"import os; os.environ['PYOPENGL_PLATFORM'] = 'egl'; {script}\n" + (
        "from crossjepa.render.settings import RenderSettings\n"
        "from crossjepa.render.renderer import Renderer\n"
        "Renderer(RenderSettings())"
    )
    failed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "UserError: rendering: this pyrender" in failed.stderr
    assert "install pyrender-maintained" in failed.stderr


@given(st.integers(2, 64), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_colour_histograms_count_the_foreground_and_sum_to_one(bins, seed, share):
    draw_ = np.random.default_rng(seed)
    view = draw_.integers(0, 256, (9, 9, 3), dtype=np.uint8)
    foreground = draw_.random((9, 9)) < share
    histogram = colour_histogram(view, foreground, bins)
    assert histogram.shape == (3 * bins,)
    assert histogram.dtype == np.float32
    np.testing.assert_allclose(histogram.reshape(3, bins).sum(axis=1), 1, atol=1e-5)
    if foreground.any():
        edges = np.linspace(0, 256, bins + 1)
        for channel in range(3):
            expected = np.histogram(view[foreground][:, channel], edges)[0] / foreground.sum()
            np.testing.assert_allclose(histogram.reshape(3, bins)[channel], expected, atol=1e-6)


def test_broken_meshes_are_set_aside_and_the_others_are_rendered():
    dataset = Shelf(
        good=totem(),
        unreadable=BadMesh("no faces"),
        empty=Mesh(()),
        odd=ValueError("two\nlines"),
        also_good=totem(),
    )
    arrays, set_aside = render_views(dataset, list(dataset.meshes), SMALL, LIMITS)
    assert set(set_aside) == {"unreadable", "empty", "odd"}
    assert set_aside["unreadable"] == "no faces"
    assert set_aside["odd"] == "ValueError: two lines"
    assert {name: (array.shape, str(array.dtype)) for name, array in arrays.items()} == {
        "views": ((5, 4, 64, 64, 3), "uint8"),
        "pose": ((5, 4, 6), "float32"),
        "colour": ((5, 4, 12), "float32"),
        "thumbnails": ((5, 4, 96, 96, 3), "uint8"),
    }
    for array in arrays.values():
        assert not array[[1, 2, 3]].any()
        assert array[0].any()
        np.testing.assert_array_equal(array[0], array[4])
    for thumbnail, view in zip(arrays["thumbnails"][0], arrays["views"][0], strict=True):
        shown = np.asarray(Image.fromarray(thumbnail).resize((64, 64), Image.Resampling.BOX))
        assert np.abs(shown.astype(int) - view).mean() < 5


@pytest.mark.parametrize(
    ("views", "kept"), [(1, [0]), (3, [0, 1, 2]), (8, range(8)), (12, [0, 1, 3, 4, 6, 7, 9, 10])]
)
def test_thumbnails_are_spread_over_the_views_and_none_is_repeated(views, kept):
    shades = np.arange(views, dtype=np.uint8)[:, None, None, None] * np.ones((1, 32, 32, 3), np.uint8)
    small = thumbnails(shades)
    assert (small.shape, str(small.dtype)) == (thumbnails_spec(views).shape, thumbnails_spec(views).dtype)
    assert small[:, 0, 0, 0].tolist() == list(kept)


def test_what_cannot_be_seen_is_set_aside_with_its_share():
    speck = block(RED, [1e-3] * 3, [0, 0, 0]), block([255] * 4, [1e-3] * 3, [1, 0, 0])
    paper = np.array([1.0, 1, 1, 1])
    dataset = Shelf(
        seen=totem(),
        speck=Mesh(speck),
        glass=Mesh((replace(block(RED, [1, 1, 1], [0, 0, 0]), alpha="blend", factor=paper * 0.001),)),
    )
    _, set_aside = render_views(dataset, list(dataset.meshes), SMALL, LIMITS)
    assert set(set_aside) == {"speck", "glass"}
    assert (
        set_aside["glass"]
        == "fills at most 0.00% of a view with colours other than white; nothing to learn from"
    )


def test_one_shard_becomes_a_bundle_of_its_objects_alone(tmp_path, monkeypatch):
    names = [f"o{i}" for i in range(5)]
    monkeypatch.setattr(
        "crossjepa.commands.render.open_dataset", lambda _: Shelf(**dict.fromkeys(names, totem()))
    )
    meshes, store = tmp_path / "meshes.parquet", tmp_path / "targets"
    pd.DataFrame({"id": ["bad", *names], "status": ["no faces"] + ["ok"] * 5}).to_parquet(meshes)
    create(store, Layout(objects=5, shards=2, chunk=3), {"pose": ArraySpec((4, 6), "float32")}, {})
    for shard, expected in enumerate([names[:3], names[3:]]):
        output = tmp_path / f"{shard}.zip"
        chosen = json.dumps({"render": SMALL.model_dump(), "data": {"shapes": {"objects": 24}}})
        arguments = ["views", "--settings", chosen, "--dataset", "shapes"]
        arguments += ["--meshes", meshes, "--store", store, "--shard", shard, "--output", output]
        result = CliRunner().invoke(app, [str(a) for a in arguments])
        assert result.exit_code == 0, result.output
        arrays, attributes = read_bundle(output)
        assert attributes == {"ids": expected, "set_aside": {}}
        assert len(arrays["views"]) == len(expected)


def test_contact_sheet_takes_every_class_in_turn(tmp_path):
    labels = ["a"] * 20 + ["b"] * 20 + ["c"] + [""] * 9
    catalog = pd.DataFrame(
        {"id": [f"o{i}" for i in range(50)], "class": labels, "status": "ok", "source": "x"}
    )
    catalog.loc[0, "status"] = "no faces"
    chosen = choose(catalog, 5)
    assert chosen["class"].tolist() == ["a", "a", "b", "b", "c"]
    assert "o0" not in chosen["id"].tolist()
    assert len(choose(catalog.assign(**{"class": ""}))) == OBJECTS
    output = tmp_path / "sheet.png"
    few = catalog.iloc[:3]
    draw_contact_sheet(Shelf(**dict.fromkeys(few["id"], totem())), few, SMALL, LIMITS, "trial", output)
    sheet = np.asarray(Image.open(output))
    assert (sheet[60:170].min(axis=-1) < 100).sum() > 100  # objects below the title
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


def test_a_machine_that_cannot_render_is_told_what_to_install():
    environment = {**os.environ, "PYOPENGL_PLATFORM": "egl", "EGL_DEVICE_ID": "99"}
    command = [sys.executable, "-m", "crossjepa", "render", "check"]
    failed = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert failed.returncode == 1
    assert len(failed.stderr.strip().splitlines()) == 1
    for command in ("apt-get install libegl1 libgl1-mesa-dri", "dnf install mesa-libEGL", "pacman -S mesa"):
        assert command in failed.stderr


def test_where_egl_does_not_exist_another_system_is_named():
    script = (
        "import sys, crossjepa.render.renderer as r; from OpenGL.platform import ctypesloader\n"
        "from crossjepa.render.settings import RenderSettings\n"
        "def missing(*_, **__): raise OSError('no such library')\n"
        "ctypesloader.loadLibrary = missing; sys.platform = 'darwin'; r.Renderer(RenderSettings())"
    )
    fresh = {name: value for name, value in os.environ.items() if name != "PYOPENGL_PLATFORM"}
    failed = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env=fresh
    )
    assert "UserError: rendering: no OpenGL context (ImportError: " in failed.stderr
    assert "use Linux" in failed.stderr


def test_the_check_names_the_driver():
    result = CliRunner().invoke(app, ["check"])
    assert result.exit_code == 0
    assert "OpenGL" in result.output
