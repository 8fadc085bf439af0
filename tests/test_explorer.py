"""The explorer of the HTML page in a real browser: map, hover, click, typed queries; the page's limits."""

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import browser
import numpy as np
import pytest
from browser import Tab
from PIL import Image
from report_files import (
    CLASSES,
    HOSTILE,
    IDS,
    VIEWS,
    extras,
    prepare,
    result,
    write_arrays,
    write_catalog,
    write_page,
)

from crossjepa.errors import UserError
from crossjepa.report import explorer, feature_map, page
from crossjepa.report.neighbours import nearest
from crossjepa.store.bundle import read_bundle

SHOWN = IDS[1:]  # the first one was set aside
NEIGHBOURS = 7  # the default of `report.neighbours`
needs_browser = pytest.mark.skipif(
    browser.FOUND is None, reason="no Chromium or Chrome on this machine to open the page with"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a page, `out/report.html`."""
    folder = tmp_path_factory.mktemp("report")
    prepare(folder)
    write_page(folder, result(), *extras(folder))
    return folder


@pytest.fixture
def tab(folder: Path, tmp_path: Path) -> Iterator[Tab]:
    """The page in a browser; it must neither complain nor ask for anything, whatever a test does."""
    with browser.browser(tmp_path / "profile") as tab:
        tab.open(folder / "out/report.html")
        yield tab
        assert tab.complaints == []
        assert tab.requests == [(folder / "out/report.html").as_uri()]


def point(object_id: str) -> str:
    """The selector of an object's point."""
    return f'circle[data-row="{SHOWN.index(object_id)}"]'


def near(folder: Path, object_id: str) -> list[str]:
    """An object's nearest neighbours."""
    features = read_bundle(folder / "features.zip")[0]["canonical_tokens"][1:]
    rows = nearest(features, np.array([SHOWN.index(object_id)]), NEIGHBOURS)[0]
    return [SHOWN[row] for row in rows]


def cards(tab: Tab) -> list[str]:
    """The ids of the objects that answer the query."""
    return tab.run("[...document.querySelectorAll('.answer .card')].map(card => card.title)")


def status(tab: Tab) -> str:
    """What the page says about the query."""
    return tab.run("document.querySelector('[role=status]').textContent")


def ask(tab: Tab, query: str) -> None:
    """Type a query and press Enter."""
    tab.run("document.querySelector('.explorer input').value = ''")
    tab.point_at(".explorer input", click=True)
    tab.send("Input.insertText", text=query)
    tab.press("Enter", "\r")


@needs_browser
def test_a_browser_shows_every_picture(tab: Tab) -> None:
    urls = """[...document.querySelectorAll('.picture')].map(
        picture => getComputedStyle(picture).backgroundImage.slice(5, -2))"""
    widths = tab.run(
        f"Promise.all([...document.images].map(image => image.src).concat({urls}).map(async url => {{"
        "const image = new Image(); image.src = url; await image.decode(); return image.naturalWidth }))"
    )
    assert len(widths) == 4 + 6 * (1 + NEIGHBOURS), "a sheet, three figures, and a card for each object"
    assert widths[4:] == [96 * VIEWS] * 6 * (1 + NEIGHBOURS)
    pixels = np.asarray(Image.open(io.BytesIO(tab.screenshot())).convert("L"))
    assert 0.02 < (pixels < 200).mean() < 0.9, "the page is neither blank nor black"


@needs_browser
def test_a_click_on_a_point_shows_its_neighbours_and_a_click_on_one_of_them_its_own(
    tab: Tab, folder: Path
) -> None:
    tab.point_at(point("object 5"), click=True)
    neighbours = near(folder, "object 5")
    assert cards(tab) == ["object 5", *neighbours]
    assert status(tab) == "object 5 (<mug>) and its 7 nearest neighbours"
    found = "[...document.querySelectorAll('circle.found')].map(point => Number(point.dataset.row)).sort()"
    assert sorted(tab.run(found)) == sorted(map(SHOWN.index, ["object 5", *neighbours]))
    tab.point_at(".answer .card:nth-child(3)", click=True)
    assert cards(tab) == [neighbours[1], *near(folder, neighbours[1])]


@needs_browser
def test_the_pointer_shows_the_object_of_a_point_and_its_picture_turns(tab: Tab) -> None:
    hint = "document.querySelector('.hint')?.innerText ?? ''"
    assert tab.run(hint) == ""
    tab.point_at(point("object 7"))
    assert tab.run(hint).split("\n") == ["lamp", "object 7"]
    motion = "getComputedStyle(document.querySelector('.hint .picture'))"
    assert tab.run(f"{motion}.animationName") == "turn"
    turned = tab.run(
        "(async () => { const picture = document.querySelector('.hint .picture');"
        "const [turn] = picture.getAnimations(); turn.pause(); return [0.1, 0.5, 0.9].map(at =>"
        f"{{ turn.currentTime = 2000 * at; return {motion}.backgroundPositionX }}) }})()"
    )
    assert turned == ["0%", "50%", "100%"], "one whole view after the other"
    tab.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    assert tab.run(f"{motion}.animationName") == "none"
    tab.point_at("h1")
    assert tab.run(hint) == ""


@needs_browser
def test_the_picture_of_a_card_turns_under_the_pointer(tab: Tab) -> None:
    motion = "getComputedStyle(document.querySelector('.card .picture')).animationName"
    assert tab.run(motion) == "none"
    tab.point_at(".card .picture")
    assert tab.run(motion) == "turn"


@needs_browser
def test_queries_are_classes_or_ids_and_an_unknown_one_is_said(tab: Tab, folder: Path) -> None:
    ask(tab, " Chair ")
    assert cards(tab) == [f"object {i}" for i in range(3, 24, 3)]
    assert status(tab) == "chair: 7 objects"
    ask(tab, "object 11")
    assert cards(tab) == ["object 11", *near(folder, "object 11")]
    for unknown in ("sofa", "", "object"):
        ask(tab, unknown)
        assert status(tab) == f"“{unknown}” is neither a class nor the id of an object on the map."
        assert cards(tab) == []
    options = tab.run("[...document.querySelectorAll('datalist option')].map(option => option.value)")
    assert sorted(options) == sorted([*CLASSES, *SHOWN])


@needs_browser
def test_a_class_of_the_legend_shows_its_objects(tab: Tab) -> None:
    tab.point_at(".legend li:nth-child(2) button", click=True)
    assert status(tab) == "<mug>: 8 objects"
    tab.point_at(".legend li:nth-child(1) button", click=True)
    assert status(tab) == "unlabelled: 6 objects"
    assert HOSTILE in cards(tab)


@needs_browser
def test_the_keyboard_reaches_every_point(tab: Tab, folder: Path) -> None:
    tab.run("document.querySelector('circle[tabindex=\"0\"]').focus()")
    first = int(tab.run("document.activeElement.dataset.row"))
    tab.press("ArrowRight")
    second = int(tab.run("document.activeElement.dataset.row"))
    assert second != first
    tab.press("Enter", "\r")
    assert cards(tab) == [SHOWN[second], *near(folder, SHOWN[second])]
    tab.press("ArrowLeft")
    tab.press("ArrowLeft")
    last = tab.run("document.activeElement === [...document.querySelectorAll('circle')].at(-1)")
    assert last, "before the first point comes the last one"


@needs_browser
def test_names_that_look_like_markup_stay_text(tab: Tab, folder: Path) -> None:
    assert "<b id='out'>" not in (folder / "out/report.html").read_text()
    ask(tab, HOSTILE)
    assert cards(tab) == [HOSTILE, *near(folder, HOSTILE)]
    assert tab.run("document.querySelector('#out, mug')") is None


@needs_browser
def test_a_page_that_asks_for_something_is_refused_and_complains(folder: Path, tmp_path: Path) -> None:
    """The page's policy forbids every request; and the other tests would notice one."""
    image = '<img src="https://example.com/picture.png">'
    (tmp_path / "page.html").write_text(
        (folder / "out/report.html").read_text().replace("</body>", image + "</body>")
    )
    with browser.browser(tmp_path / "profile") as tab:
        tab.open(tmp_path / "page.html")
        assert "Content Security Policy" in json.dumps(tab.complaints)


@needs_browser
def test_without_a_script_tables_map_and_neighbours_are_there(folder: Path, tmp_path: Path) -> None:
    with browser.browser(tmp_path / "profile") as tab:
        tab.send("Emulation.setScriptExecutionDisabled", value=True)
        tab.open(folder / "out/report.html")
        seen = "document.querySelector('{}').getBoundingClientRect().height"
        assert all(tab.run(seen.format(name)) > 30 for name in ("table", "svg.map", ".legend"))
        assert tab.run("document.querySelector('circle title').textContent") == "object 24 (unlabelled)"
        assert tab.run(seen.format(".card .picture")) == 100
        assert tab.run(seen.format(".explorer form")) == 0, "a box that does nothing is hidden"


@needs_browser
def test_the_page_fits_a_phone(folder: Path, tmp_path: Path) -> None:
    with browser.browser(tmp_path / "profile") as tab:
        phone = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
        tab.send("Emulation.setDeviceMetricsOverride", **phone)
        tab.open(folder / "out/report.html")
        assert tab.run("document.documentElement.scrollWidth") == 390
        tab.point_at(point("object 5"), click=True)
        assert cards(tab)[0] == "object 5"


def test_a_thousand_objects_with_turning_pictures_fit_into_25_megabytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_map, "_place", lambda features: features[:, :2])  # t-SNE takes long
    prepare(tmp_path)
    rng = np.random.default_rng(0)
    ids = [f"collection/object {i}/model.obj" for i in range(1001)]
    write_catalog(tmp_path, ids, [f"class {i % 40}" for i in range(1001)], ["train", *["test"] * 1000])
    # Views with noise on a quarter of their area take twice the bytes of pictures of furniture.
    pictures = np.full((1001, 8, 96, 96, 3), 255, dtype="uint8")
    noise = rng.integers(0, 256, size=(1001, 8, 24, 24, 3), dtype="uint8")
    pictures[:, :, 24:72, 24:72] = noise.repeat(2, axis=2).repeat(2, axis=3)
    shutil.rmtree(tmp_path / "targets")
    write_arrays(tmp_path, ids, rng.normal(size=(1001, 32)).astype("float32"), pictures)
    text = write_page(tmp_path, result(), *extras(tmp_path))
    assert text.count("url(data:image/webp") == 1000
    assert text.count("<circle ") == 1000
    assert 5_000_000 < len(text.encode()) < 25_000_000


def test_a_page_of_more_objects_than_fit_says_how_many_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explorer, "OBJECTS", 20)
    monkeypatch.setattr(page, "PICTURES", 10)
    prepare(tmp_path)
    text = write_page(tmp_path, result(), *extras(tmp_path))
    assert "shows 20 of 29 objects" in text
    assert "10 of them have pictures" in text
    assert text.count("url(data:image/webp") == 10
    assert text.count("<circle ") == 20
    assert "no picture" in text


def test_a_store_that_keeps_no_views_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    prepare(tmp_path)
    shutil.rmtree(tmp_path / "targets/thumbnails")
    with pytest.raises(UserError, match=r"thumbnails/zarr.json: missing; run the workflow again"):
        write_page(tmp_path, result(), *extras(tmp_path))
