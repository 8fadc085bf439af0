"""Views that come with a data set: on white, with the right cameras, and no GL context is asked for."""

import io
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layouts import r2n2_camera, shapenet_models, write_shapenet_points, write_shapenet_views
from PIL import Image

from crossjepa.data.dataset import ViewFile
from crossjepa.data.guard import Limits
from crossjepa.data.r2n2 import Renderings
from crossjepa.data.registry import open_dataset
from crossjepa.data.settings import ShapeNetSource
from crossjepa.errors import BadMesh, UserError
from crossjepa.render import views as rendering
from crossjepa.render.cameras import camera_to_world, place_cameras
from crossjepa.render.prerendered import pose, read_views
from crossjepa.render.settings import RenderSettings
from crossjepa.render.views import render_views

SMALL = RenderSettings(views=4, image_size=64, colour_bins=4)


def png(pixels: np.ndarray) -> bytes:
    """A picture's bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def view(pixels: np.ndarray, azimuth: float = 0.0) -> ViewFile:
    return ViewFile(png(pixels), azimuth, 0.3, 0.0, 2.5)


def disc(size: int = 137) -> np.ndarray:
    """A red disc, half as wide as the picture, whose hidden colour outside is black."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    pixels = np.zeros((size, size, 4), np.uint8)
    pixels[np.hypot(x, y) < size / 4] = (200, 30, 30, 255)
    return pixels


@pytest.mark.parametrize("size", [32, 224])
def test_views_are_resized_onto_white(size: int) -> None:
    views, foreground, poses = read_views([view(disc())], RenderSettings(views=1, image_size=size))
    assert (views.shape, views.dtype) == ((1, size, size, 3), np.uint8)
    assert (foreground.shape, foreground.dtype) == ((1, size, size), np.bool_)
    assert (poses.shape, poses.dtype) == ((1, 6), np.float32)
    assert (views[0, 0, 0] == 255).all()
    np.testing.assert_allclose(views[0, size // 2, size // 2], (200, 30, 30), atol=2)
    assert foreground.mean() == pytest.approx(np.pi / 16, abs=0.02)
    rim = views[0][~foreground[0]].astype(int)
    assert (rim[:, 0] >= 190).all(), "the hidden black does not bleed into the rim"


@given(st.integers(1, 24), st.integers(1, 24))
def test_the_wanted_number_is_taken_evenly_spread(wanted: int, there: int) -> None:
    picture = disc(8)
    files = [view(picture, azimuth=float(i)) for i in range(there)]
    settings = RenderSettings(views=wanted, image_size=32)
    if there < wanted:
        with pytest.raises(BadMesh, match=rf"{there} views, fewer than render\.views = {wanted}"):
            read_views(files, settings)
        return
    taken = read_views(files, settings)[2][:, 0].astype(int)
    assert taken[0] == 0
    gaps = np.diff([*taken, there])
    assert gaps.min() >= 1
    assert gaps.max() - gaps.min() <= 1


@given(st.floats(-360, 360), st.floats(-85, 85), st.floats(-180, 180), st.floats(0.5, 1.0))
def test_our_poses_project_as_the_blender_scene_of_3d_r2n2(
    azimuth: float, elevation: float, turn: float, ratio: float
) -> None:
    with TemporaryDirectory() as folder:
        own = Path(folder) / "1" / "m" / "rendering"
        own.mkdir(parents=True)
        (own / "rendering_metadata.txt").write_text(f"{azimuth} {elevation} {turn} {ratio} 25\n")
        (own / "renderings.txt").write_text("00.png\n")
        (own / "00.png").write_bytes(b"")
        [file] = Renderings(Path(folder)).views("1", "m")
    theirs = np.linalg.inv(r2n2_camera(azimuth, elevation, turn, ratio))
    ours = np.linalg.inv(camera_to_world(pose(file)))
    points = np.random.default_rng(0).normal(size=(20, 3))
    points *= 0.5 / np.linalg.norm(points, axis=1, keepdims=True)  # the sphere around a model with diagonal 1
    seen = points @ theirs[:3, :3].T + theirs[:3, 3]
    expected = seen[:, :2] / seen[:, 2:]
    seen = (points / 0.5) @ ours[:3, :3].T + ours[:3, 3]
    np.testing.assert_allclose(seen[:, :2] / seen[:, 2:], expected, atol=1e-4)


def test_without_roll_up_is_that_of_rendered_views() -> None:
    assert (pose(ViewFile(b"", 1.0, 0.4, 0.0, 2.0))[3:] == place_cameras(SMALL)[0, 3:]).all()


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (b"\x89PNG and no more", "a view cannot be read"),
        (png(disc())[:200], "a view cannot be read"),
        (png(disc()[..., :3]), "a view without transparency"),
        (png(disc()[:100]), "a view of 137 x 100 pixels; views must be square"),
    ],
)
def test_unusable_views_are_bad_meshes(image: bytes, reason: str) -> None:
    with pytest.raises(BadMesh, match=reason):
        read_views([ViewFile(image, 0.0, 0.0, 0.0, 2.0)], RenderSettings(views=1))


def test_a_shard_takes_them_without_a_gl_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: RenderSettings) -> None:
        raise UserError("no GL context here")

    monkeypatch.setattr(rendering, "Renderer", refuse)
    places = {"views": write_shapenet_views(tmp_path), "points": write_shapenet_points(tmp_path, points=100)}
    dataset = open_dataset(ShapeNetSource.model_validate({k: str(v) for k, v in places.items()}))
    ids = [record.id for record in dataset.objects()]
    synset, model, _ = next(shapenet_models())
    (places["views"] / synset / model / "rendering" / "00.png").unlink()
    arrays, set_aside = render_views(dataset, ids, SMALL, Limits(60, 4))
    assert list(set_aside) == [f"{synset}-{model}"]
    assert arrays["views"].shape == (9, 4, 64, 64, 3)
    gone = ids.index(f"{synset}-{model}")
    for name, array in arrays.items():
        assert not array[gone].any(), name
        assert all(array[row].any() for row in range(9) if row != gone), name
    chairs = [row for row, object_id in enumerate(ids) if object_id.startswith("03001627")]
    np.testing.assert_allclose(
        arrays["colour"][chairs], arrays["colour"][chairs[:1]].repeat(3, axis=0), atol=0.2
    )
    assert not np.array_equal(arrays["pose"][1], arrays["pose"][2]), "each view has its own camera"


def test_views_that_show_nothing_set_the_object_aside() -> None:
    class Blank:
        def views(self, _: str) -> list[ViewFile]:
            return [view(np.zeros((16, 16, 4), np.uint8))] * 4

    _, set_aside = render_views(Blank(), ["a"], SMALL, Limits(60, 4))  # type: ignore[arg-type]
    assert set_aside == {
        "a": "fills at most 0.00% of a view with colours other than white; nothing to learn from"
    }
