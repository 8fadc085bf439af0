"""Files as other programs write them: what is read, measured and drawn is what their formats' texts say.

`foreign.tar.xz` holds a folder for each case and `expected.csv`, with the right answers and their reasons.
"""

import csv
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from crossjepa.data.dataset import Dataset
from crossjepa.data.normalise import surface
from crossjepa.data.registry import open_dataset
from crossjepa.data.scan import inspect
from crossjepa.data.settings import DataSettings, FolderSource
from crossjepa.errors import BadMesh, UserError
from crossjepa.mesh.mesh import Mesh, Part, Texture, to_linear
from crossjepa.render.settings import RenderSettings
from crossjepa.render.views import render_views

ARCHIVE = Path(__file__).parent / "foreign.tar.xz"
SETTINGS = DataSettings()
SMALL = RenderSettings(views=4, image_size=64)
LEVELS = 6  # of 255, that a colour may be off


def _expected() -> list[dict[str, str]]:
    with tarfile.open(ARCHIVE) as archive:
        file = archive.extractfile("./expected.csv")
        assert file is not None
        return list(csv.DictReader(io.StringIO(file.read().decode())))


CASES = {row["case"]: row for row in _expected()}
READ = [case for case, row in CASES.items() if row["expect"] == "ok"]
COLOURED = [case for case in READ if CASES[case]["colour"]]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked cases."""
    folder = tmp_path_factory.mktemp("foreign")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder


def opened(folder: Path, case: str) -> tuple[Dataset, str]:
    """A case as a data set, and the id of its one object."""
    dataset = open_dataset(FolderSource(path=str(folder / case)))
    (record,) = dataset.objects()
    return dataset, record.id


def base_colour(mesh: Mesh) -> NDArray[np.float64]:
    """The mean base colour over the surface: (3,) sRGB in 0..255."""
    colours = np.concatenate([_at_centres(part) for part in mesh.parts])
    areas = np.concatenate([surface(part).area_faces for part in mesh.parts])
    linear = np.average(colours, axis=0, weights=areas)
    srgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(255 * srgb)


def _at_centres(part: Part) -> NDArray[np.float64]:
    """(F, 3) linear base colours at the middle of a part's faces."""
    colours = np.tile(part.factor[:3], (len(part.faces), 1))
    if part.texture is not None:
        colours = colours * _texels(part.texture, part.texture.uv[part.faces].mean(axis=1))
    if part.vertex_colours is not None:
        colours = colours * part.vertex_colours[part.faces].mean(axis=1)[:, :3]
    if part.face_colours is not None:
        colours = colours * part.face_colours[:, :3]
    return np.asarray(colours)


def _texels(texture: Texture, uv: NDArray[np.float64]) -> NDArray[np.float64]:
    """(F, 3) linear colours of the pixels at (F, 2) texture coordinates."""
    wrapped = [_wrapped(uv[:, axis], texture.wrap[axis]) for axis in (0, 1)]
    height, width = texture.image.shape[:2]
    rows, columns = (1 - wrapped[1]) * height, wrapped[0] * width
    pixels = texture.image[rows.astype(int).clip(0, height - 1), columns.astype(int).clip(0, width - 1)]
    return to_linear(pixels[:, :3] / 255)


def _wrapped(values: NDArray[np.float64], wrap: str) -> NDArray[np.float64]:
    if wrap == "mirror":
        return np.asarray(1 - np.abs(values % 2 - 1))
    return np.asarray(values.clip(0, 1) if wrap == "clamp" else values % 1)


def numbers(row: dict[str, str], keys: Sequence[str]) -> list[float]:
    """Columns of a row of `expected.csv`."""
    return [float(row[key]) for key in keys]


@pytest.mark.parametrize("case", READ)
def test_shapes_are_as_large_as_their_formats_say(folder: Path, case: str) -> None:
    row, (dataset, object_id) = CASES[case], opened(folder, case)
    found = inspect(dataset, SETTINGS, object_id)
    extents = ("extent_x", "extent_y", "extent_z")
    wanted = numbers(row, extents)
    assert [found[key] for key in extents] == pytest.approx(wanted, rel=0.01, abs=0.01 * max(wanted))
    if row["n_points"]:
        assert found["points"] == int(row["n_points"])
    if row["area"]:
        assert surface(dataset.load(object_id)).area == pytest.approx(float(row["area"]), rel=0.01)


@pytest.mark.parametrize("case", COLOURED)
def test_colours_are_those_that_their_formats_say(folder: Path, case: str) -> None:
    dataset, object_id = opened(folder, case)
    wanted = np.array(CASES[case]["colour"].split(";"), dtype=float)
    assert base_colour(dataset.load(object_id)) == pytest.approx(wanted, abs=LEVELS)


@pytest.mark.parametrize("case", [case for case in READ if CASES[case]["area"]])
def test_what_is_read_is_seen_in_its_colour(folder: Path, case: str) -> None:
    dataset, object_id = opened(folder, case)
    arrays, set_aside = render_views(dataset, [object_id], SMALL, SETTINGS.limits)
    assert not set_aside
    wanted = np.array((CASES[case]["colour"] or "0;0;0").split(";"), dtype=float)
    if np.ptp(wanted) > 100:
        seen = arrays["views"].reshape(-1, 3)
        hues = seen[(seen < 255).any(axis=1)].mean(axis=0)
        assert hues.argmax() == wanted.argmax()


@pytest.mark.parametrize("case", [case for case, row in CASES.items() if row["expect"] == "set_aside"])
def test_what_cannot_be_read_is_set_aside_or_refused(folder: Path, case: str) -> None:
    def read() -> None:
        dataset = open_dataset(FolderSource(path=str(folder / case)))
        inspect(dataset, SETTINGS, dataset.objects()[0].id)

    with pytest.raises((BadMesh, UserError), match=r"\w+ \w+"):
        read()
