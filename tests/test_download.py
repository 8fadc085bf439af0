"""Downloads: taken up again after a kill, checked, put in place whole, and honest about what failed."""

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from web_server import Server

from crossjepa.data import fetch as fetching
from crossjepa.data.download import download
from crossjepa.data.location import MODELNET_ARCHIVES, Archive
from crossjepa.data.settings import ModelNetSource
from crossjepa.errors import UserError


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with a zip of three megabytes."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
        for name in "ab":
            noise = np.random.default_rng(ord(name)).bytes(1_500_000)
            archive.writestr(f"ModelNet40/{name}.off", noise)
    served = Server((tmp_path / "made.zip").read_bytes())
    yield served
    served.close()


def fetch(server: Server, file: Path, digest: str | None = None) -> str:
    return download(Archive(server.url, digest), file, "fetch a.zip")


def test_a_file_arrives_whole_with_a_bar_and_its_digest(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "new" / "a.zip"
    digest = fetch(server, file)
    assert digest == f"sha256:{hashlib.sha256(server.content).hexdigest()}"
    assert file.read_bytes() == server.content
    assert [path.name for path in file.parent.iterdir()] == ["a.zip"]
    assert "fetch a.zip" in capsys.readouterr().err
    md5 = f"md5:{hashlib.md5(server.content).hexdigest()}"
    for stated in (digest, md5):
        assert fetch(server, file, stated) == stated


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_broke_off_is_taken_up_again(server: Server, tmp_path: Path, ranges: bool) -> None:
    file, server.cut, server.ranges = tmp_path / "a.zip", 1_200_000, ranges
    with pytest.raises(
        UserError, match=rf"{server.url}: 1,200,000 of {len(server.content):,} bytes arrived$"
    ):
        fetch(server, file)
    assert not file.exists()
    assert (tmp_path / "a.zip.partial").stat().st_size == 1_200_000
    server.cut = None
    fetch(server, file)
    assert server.asked == [None, "bytes=1200000-"]
    assert file.read_bytes() == server.content


def test_one_killed_after_its_last_byte_is_only_checked(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.zip.partial").write_bytes(server.content)
    fetch(server, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == server.content
    assert server.asked == [f"bytes={len(server.content)}-"]


def test_a_longer_part_of_another_version_is_thrown_away(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.zip.partial").write_bytes(server.content + b"more")
    fetch(server, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == server.content


def test_a_server_that_tells_no_length_is_checked_by_the_zip(server: Server, tmp_path: Path) -> None:
    server.tells_length = False
    fetch(server, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == server.content
    server.cut = 1_200_000
    with pytest.raises(UserError, match=r"arrived damaged \(File is not a zip file\)"):
        fetch(server, tmp_path / "b.zip")
    assert not (tmp_path / "b.zip.partial").exists()


def test_a_flipped_byte_is_found(server: Server, tmp_path: Path) -> None:
    broken = bytearray(server.content)
    broken[len(broken) // 2] ^= 1
    server.content = bytes(broken)
    with pytest.raises(UserError, match=r"arrived damaged \(Bad CRC-32 .*a\.off|b\.off\)"):
        fetch(server, tmp_path / "a.zip")
    assert not list(tmp_path.glob("a.zip*"))


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_another_digest_is_refused(server: Server, tmp_path: Path, algorithm: str) -> None:
    wrong = f"{algorithm}:00"
    with pytest.raises(UserError, match=rf"arrived damaged \({algorithm}:[0-9a-f]+ instead of {wrong}\)"):
        fetch(server, tmp_path / "a.zip", wrong)
    assert not list(tmp_path.glob("a.zip*"))


def test_what_cannot_be_had_is_named_with_the_reason(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    gone = server.url.replace("a.zip", "b.zip")
    with pytest.raises(UserError, match=rf"{gone}: HTTP Error 404"):
        download(Archive(gone, None), file, "fetch")
    server.close()
    with pytest.raises(UserError, match=rf"{server.url}: .*refused"):
        fetch(server, file)
    with pytest.raises(UserError, match=r"nowhere\.invalid/a\.zip: "):
        download(Archive("http://nowhere.invalid/a.zip", None), file, "fetch")
    assert not list(tmp_path.glob("a.zip*"))


def test_modelnet_is_fetched_by_release_and_its_digest_told(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = f"sha256:{hashlib.sha256(server.content).hexdigest()}"
    monkeypatch.setitem(MODELNET_ARCHIVES, ("meshes", 10), Archive(server.url, digest))
    fetching.fetch(ModelNetSource(categories=10), tmp_path / "ModelNet10.zip")
    assert f"{server.url}: {digest}" in capsys.readouterr().err
    assert (tmp_path / "ModelNet10.zip").read_bytes() == server.content
    monkeypatch.setitem(MODELNET_ARCHIVES, ("meshes", 10), Archive(server.url, "sha256:00"))
    with pytest.raises(UserError, match=r"00\); run again .*: put it at .*ModelNet10\.zip, or .*`path`"):
        fetching.fetch(ModelNetSource(categories=10), tmp_path / "ModelNet10.zip")


def test_every_release_has_its_address_and_a_digest_that_can_be_met() -> None:
    assert MODELNET_ARCHIVES["resampled", 10] == MODELNET_ARCHIVES["resampled", 40]
    for archive in MODELNET_ARCHIVES.values():
        assert archive.url.endswith(".zip")
        if archive.digest:
            algorithm, _, hexadecimal = archive.digest.partition(":")
            assert len(bytes.fromhex(hexadecimal)) == hashlib.new(algorithm).digest_size
