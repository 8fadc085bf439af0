"""The store: every file comes to exist, nothing is lost, damage is found and named."""

import json
import os
import tempfile
import zipfile
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from crossjepa.commands.store import app
from crossjepa.errors import UserError
from crossjepa.store.bundle import read_bundle, write_bundle
from crossjepa.store.reading import read_array
from crossjepa.store.seal import read_manifest, seal, verify
from crossjepa.store.sharded import (
    ArraySpec,
    Layout,
    create,
    read_attributes,
    read_layout,
    shard_file,
    write_shard,
)

SPECS = {"embedding": ArraySpec((3, 5), "float16"), "thumbnail": ArraySpec((4, 4, 3), "uint8")}


def ids(count: int) -> list[str]:
    return [f"object {i}" for i in range(count)]


def content(count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    embedding = rng.normal(size=(count, 3, 5)).astype("float16")
    return {"embedding": embedding, "thumbnail": rng.integers(0, 255, (count, 4, 4, 3)).astype("uint8")}


def fill_shard(path: Path, shard: int, aside: dict[str, str] | None = None) -> None:
    layout = read_layout(path)
    rows = layout.positions(shard)
    arrays = {name: values[rows.start : rows.stop] for name, values in content(layout.objects).items()}
    mine = [ids(layout.objects)[row] for row in rows]
    write_shard(path, shard, mine, arrays, {k: v for k, v in (aside or {}).items() if k in mine})


def filled(path: Path, layout: Layout, aside: dict[str, str] | None = None) -> Path:
    create(path, layout, SPECS, {"kind": "test"})
    for shard in range(layout.shards):
        fill_shard(path, shard, aside)
    return path


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 90), st.integers(1, 9), st.integers(1, 16))
def test_every_declared_file_comes_to_exist_and_reads_back(objects: int, shards: int, chunk: int) -> None:
    layout = Layout(objects, shards, chunk)
    assert layout.inner <= chunk
    assert layout.rows % layout.inner == 0
    assert [row for shard in range(shards) for row in layout.positions(shard)] == list(range(objects))
    with tempfile.TemporaryDirectory() as folder:
        path = filled(Path(folder) / "store", layout)
        for name, axes in {"embedding": 3, "thumbnail": 4, "identity": 2}.items():
            assert all(shard_file(path, name, shard, axes).is_file() for shard in range(shards))
        assert seal(path, ids(objects), 0).layout == layout
        for name, values in content(objects).items():
            assert np.array_equal(read_array(path, name), values)


def test_parallel_writers_lose_nothing(tmp_path: Path) -> None:
    layout = Layout(41, 8, 4)
    create(tmp_path / "store", layout, SPECS, {"kind": "test"})
    with get_context("spawn").Pool(4) as pool:
        pool.starmap(fill_shard, [(tmp_path / "store", shard) for shard in range(8)])
    seal(tmp_path / "store", ids(41), 0)
    assert np.array_equal(read_array(tmp_path / "store", "embedding"), content(41)["embedding"])


def test_equal_content_has_equal_manifests_however_it_was_written(tmp_path: Path) -> None:
    first = filled(tmp_path / "first", Layout(20, 3, 4))
    seal(first, ids(20), 0)
    second = tmp_path / "second"
    create(second, Layout(20, 3, 4), SPECS, {"kind": "test"})
    for shard in (2, 0, 1, 0):
        fill_shard(second, shard)
    seal(second, ids(20), 0)
    assert (first / "manifest.json").read_bytes() == (second / "manifest.json").read_bytes()
    shard_file(first, "embedding", 1, 3).unlink()
    fill_shard(first, 1)
    assert verify(first) == read_manifest(second)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


@pytest.mark.parametrize("damage", [flip, truncate, Path.unlink])
def test_damage_is_found_and_named(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    path = filled(tmp_path / "store", Layout(20, 3, 4))
    seal(path, ids(20), 0)
    damage(shard_file(path, "embedding", 1, 3))
    with pytest.raises(UserError, match=r"embedding/c/1/0/0: (damaged|missing)"):
        seal(path, ids(20), 0)
    for check in (lambda: verify(path), lambda: read_array(path, "embedding")):
        with pytest.raises(UserError, match=r"embedding/c/1/0/0: (differs|missing)"):
            check()
    assert np.array_equal(read_array(path, "thumbnail"), content(20)["thumbnail"]), "other arrays can be read"
    fill_shard(path, 1)
    verify(path)


def other_values(path: Path) -> None:
    """Valid values of the right objects that are not those that were sealed."""
    arrays = {name: values[4:8] for name, values in content(12).items()}
    arrays["embedding"] = arrays["embedding"] + np.float16(1)
    write_shard(path, 1, ids(12)[4:8], arrays, {})


def emptied(path: Path) -> None:
    """A valid shard file that holds nothing but padding."""
    aside = dict.fromkeys(ids(12)[4:8], "lost")
    write_shard(path, 1, ids(12)[4:8], {name: values[4:8] for name, values in content(12).items()}, aside)


def swapped(path: Path) -> None:
    """Two valid shard files, each in the place of the other."""
    first, second = (shard_file(path, "embedding", shard, 3) for shard in (1, 2))
    first.rename(path / "aside")
    second.rename(first)
    (path / "aside").rename(second)


@pytest.mark.parametrize("change", [other_values, emptied, swapped])
def test_a_shard_that_is_not_the_sealed_one_is_never_read(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    path = filled(tmp_path / "store", Layout(12, 3, 4))
    seal(path, ids(12), 0)
    file = shard_file(path, "embedding", 1, 3)
    dates = os.stat(file)
    change(path)
    os.utime(file, ns=(dates.st_atime_ns, dates.st_mtime_ns))
    for check in (lambda: verify(path), lambda: read_array(path, "embedding")):
        with pytest.raises(UserError, match=r"embedding/c/1/0/0: differs from manifest\.json; delete it"):
            check()


def test_rows_of_other_objects_and_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    path = filled(tmp_path / "store", Layout(8, 2, 4))
    with pytest.raises(UserError, match="identity/c/0/0: row 0 is not object 7"):
        seal(path, ids(8)[::-1], 0)
    arrays = {name: values[:4].copy() for name, values in content(8).items()}
    arrays["embedding"][2, 1, 1] = np.inf
    write_shard(path, 0, ids(8)[:4], arrays, {})
    with pytest.raises(UserError, match="object 2 has values that are not finite"):
        seal(path, ids(8), 0)
    with pytest.raises(UserError, match="laid out for 8 objects, not 7"):
        seal(path, ids(7), 0)


def test_set_aside_objects_are_reported_and_too_many_stop(tmp_path: Path) -> None:
    path = filled(tmp_path / "store", Layout(10, 2, 5), aside={"object 3": "no texture"})
    assert seal(path, ids(10), 0.1).set_aside == {"object 3": "no texture"}
    assert np.isnan(read_array(path, "embedding")[3]).all()
    with pytest.raises(
        UserError, match=r"1 of 10 objects were set aside.*max_bad_fraction.*object 3: no texture"
    ):
        seal(path, ids(10), 0.05)


def test_an_unfinished_store_is_no_store(tmp_path: Path) -> None:
    create(tmp_path / "store", Layout(4, 1, 4), SPECS, {})
    with pytest.raises(UserError, match=r"set_aside/0\.json: missing"):
        seal(tmp_path / "store", ids(4), 0)
    with pytest.raises(UserError, match=r"no manifest\.json"):
        read_manifest(tmp_path / "store")
    with pytest.raises(UserError, match="not a store"):
        read_layout(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"no manifest\.json"):
        read_array(tmp_path / "store", "embedding")
    with pytest.raises(UserError, match="no objects"):
        create(tmp_path / "empty", Layout(0, 1, 4), SPECS, {})


def test_wrong_shapes_are_bugs(tmp_path: Path) -> None:
    create(tmp_path / "store", Layout(4, 1, 4), SPECS, {})
    with pytest.raises(ValueError, match="wants 4 rows"):
        write_shard(tmp_path / "store", 0, ids(4), {"embedding": content(4)["embedding"]}, {})


def test_leading_entries_can_be_read_alone(tmp_path: Path) -> None:
    path = filled(tmp_path / "store", Layout(9, 2, 4))
    seal(path, ids(9), 0)
    assert np.array_equal(read_array(path, "embedding", leading=2), content(9)["embedding"][:, :2])


def test_some_rows_are_read_in_the_wanted_order_and_other_shards_are_left_alone(tmp_path: Path) -> None:
    path = filled(tmp_path / "store", Layout(20, 3, 4), aside={"object 3": "no texture"})
    assert seal(path, ids(20), 0.1).rows == {f"object {row}": row for row in range(20) if row != 3}
    wanted, out = [17, 2, 0, 19], np.zeros((4, 1, 5), "float16")
    shard_file(path, "embedding", 1, 3).unlink()  # rows 8 to 15
    assert read_array(path, "embedding", 1, wanted, out) is out
    assert np.array_equal(out, content(20)["embedding"][wanted, :1])
    with pytest.raises(UserError, match="missing"):
        read_array(path, "embedding", rows=[8])
    assert read_array(path, "embedding", rows=[]).shape == (0, 3, 5)


def test_a_name_that_the_store_does_not_have_is_told_those_that_it_has(tmp_path: Path) -> None:
    path = filled(tmp_path / "store", Layout(4, 1, 4))
    seal(path, ids(4), 0)
    with pytest.raises(UserError, match=r"'views'; it holds \['embedding', 'identity', 'thumbnail'\]"):
        read_array(path, "views")


def test_the_format_has_a_version_and_another_one_is_refused(tmp_path: Path) -> None:
    """Stores written before the version was recorded are of format 1."""
    path = filled(tmp_path / "store", Layout(4, 1, 4))
    assert seal(path, ids(4), 0).format == 1
    assert read_attributes(path) == {"kind": "test"}
    for file, place in ((path / "zarr.json", "attributes"), (path / "manifest.json", None)):
        values = json.loads(file.read_text())
        (values[place] if place else values).pop("format")
        file.write_text(json.dumps(values))
    assert len(read_array(path, "embedding")) == read_layout(path).objects == 4
    for file, read in ((path / "zarr.json", read_layout), (path / "manifest.json", read_manifest)):
        values = json.loads(file.read_text())
        (values["attributes"] if file.name == "zarr.json" else values)["format"] = 2
        file.write_text(json.dumps(values))
        with pytest.raises(UserError, match=r"has store format 2, .* reads format 1"):
            read(path)
    (path / "manifest.json").write_text("{")
    with pytest.raises(UserError, match=r"manifest\.json: damaged"):
        verify(path)


def test_the_commands_seal_and_verify(tmp_path: Path) -> None:
    path = filled(tmp_path / "store", Layout(5, 2, 4), aside={"object 3": "no texture"})
    table = pd.DataFrame({"id": [*ids(5), "bad"], "status": ["ok"] * 5 + ["no faces"]})
    table.to_parquet(tmp_path / "meshes.parquet")
    arguments = ["seal", "--meshes", str(tmp_path / "meshes.parquet"), "--store", str(path), "--settings"]
    sealed = CliRunner().invoke(app, [*arguments, '{"data": {"max_bad_fraction": 0.2}}'])
    assert sealed.exit_code == 0, sealed.output
    assert "5 objects sealed, 1 set aside" in sealed.output
    refused = CliRunner().invoke(app, [*arguments, "{}"])
    assert isinstance(refused.exception, UserError), "the default accepts 5%"
    verified = CliRunner().invoke(app, ["verify", str(path)])
    assert verified.exit_code == 0, verified.output
    assert "5 objects in 6 files verified, 1 set aside" in verified.output


def test_a_bundle_keeps_arrays_and_attributes(tmp_path: Path) -> None:
    arrays = {"a": np.arange(12, dtype="float32").reshape(3, 4), "b": np.zeros((0, 2), dtype="uint8")}
    write_bundle(tmp_path / "x.zip", arrays, {"ids": ["é", "b"], "n": {"k": [1, None]}})
    read, attributes = read_bundle(tmp_path / "x.zip")
    assert all(np.array_equal(read[name], values) for name, values in arrays.items())
    assert attributes == {"ids": ["é", "b"], "n": {"k": [1, None]}}
    (tmp_path / "x.zip").write_bytes((tmp_path / "x.zip").read_bytes()[:100])
    with pytest.raises(UserError, match=r"x\.zip: not a readable bundle"):
        read_bundle(tmp_path / "x.zip")
    with pytest.raises(UserError, match=r"y\.zip: no such file"):
        read_bundle(tmp_path / "y.zip")


def test_large_arrays_of_a_bundle_are_cut_into_few_pieces_and_can_be_read_alone(tmp_path: Path) -> None:
    rows = np.arange(20_000 * 300, dtype="float32").reshape(20_000, 300)
    write_bundle(tmp_path / "x.zip", {"a": rows, "b": rows[:5]}, {})
    assert len(zipfile.ZipFile(tmp_path / "x.zip").namelist()) < 20
    assert read_bundle(tmp_path / "x.zip", ())[0] == {}
    read, _ = read_bundle(tmp_path / "x.zip", ["a", "c"])
    assert read.keys() == {"a"}
    assert np.array_equal(read["a"], rows)


def test_a_bundle_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_bundle(tmp_path / "x.zip", {"a": np.zeros(3)}, {"not json": object()})
    assert not (tmp_path / "x.zip").exists()


def test_the_manifest_is_plain_json(tmp_path: Path) -> None:
    path = filled(tmp_path / "store", Layout(5, 1, 8))
    seal(path, ids(5), 0)
    manifest = json.loads((path / "manifest.json").read_text())
    assert manifest["ids"] == ids(5)
    assert manifest["arrays"]["embedding"] == {"shape": [3, 5], "dtype": "float16"}
    assert set(manifest["files"]) == {"embedding/c/0/0/0", "identity/c/0/0", "thumbnail/c/0/0/0/0"}
