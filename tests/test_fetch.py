"""Furniture: through apt where that has Debian's own package, elsewhere from Debian's servers."""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from web_server import Server

from crossjepa.data import fetch as fetching
from crossjepa.data.deb import unpack
from crossjepa.data.fetch import fetch
from crossjepa.data.location import FURNITURE_ARCHIVES, FURNITURE_PACKAGES, Archive
from crossjepa.data.settings import FurnitureSource
from crossjepa.errors import UserError

DEB = "sweethome3d-furniture_1.8-1_all.deb"
APT = """#!/bin/sh
case "$*" in
    *update) ;;
    *--print-uris*) echo "'http://mirror/{name}' {name} 1 SHA256:{digest}" ;;
    *) {download} ;;
esac
"""
NO_APT = "apt-get is not on this machine"


def debian_package(files: dict[str, bytes]) -> bytes:
    """A package as dpkg-deb makes it; its second member has an odd size."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"./usr/share/sweethome3d/furniture/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    package = b"!<arch>\n"
    members = {"debian-binary": b"2.0\n", "control.tar.xz": b"odd", "data.tar.xz": data.getvalue()}
    for name, content in members.items():
        package += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        package += content + b"\n" * (len(content) % 2)
    return package


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Five small archives that take the place of the real ones."""
    made = {name: np.random.default_rng(n).bytes(3000) for n, name in enumerate(FURNITURE_ARCHIVES)}
    for name, content in made.items():
        monkeypatch.setitem(FURNITURE_ARCHIVES, name, hashlib.sha256(content).hexdigest())
    return made


@pytest.fixture
def servers(
    files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[Server]]:
    """Two servers of the package, on a machine without apt."""
    package = debian_package(files)
    served = [Server(package, DEB) for _ in range(2)]
    digest = f"sha256:{hashlib.sha256(package).hexdigest()}"
    monkeypatch.setattr(fetching, "FURNITURE_PACKAGES", [Archive(here.url, digest) for here in served])
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    yield served
    for here in served:
        here.close()


def install_apt(servers: list[Server], folder: Path, download: str, digest: str = "") -> None:
    """Put an apt-get where programs are looked for, which runs `download` in the shell."""
    (folder / "bin").mkdir()
    command = folder / "bin" / "apt-get"
    digest = digest or hashlib.sha256(servers[0].content).hexdigest()
    command.write_text(APT.format(name=DEB, digest=digest, download=download))
    command.chmod(0o755)


def fetched(folder: Path) -> dict[str, bytes]:
    fetch(FurnitureSource(), folder / "furniture")
    return {path.name: path.read_bytes() for path in (folder / "furniture").iterdir()}


def test_apt_comes_first(servers: list[Server], files: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "mirror.deb").write_bytes(servers[0].content)
    install_apt(servers, tmp_path, f"/bin/cp {tmp_path}/mirror.deb {DEB}")
    assert fetched(tmp_path) == files
    assert servers[0].asked == servers[1].asked == []


def test_without_apt_the_package_comes_from_a_server(
    servers: list[Server], files: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetched(tmp_path) == files
    assert [len(here.asked) for here in servers] == [1, 0]
    assert NO_APT in capsys.readouterr().err


@pytest.mark.parametrize(
    ("download", "digest", "reason"),
    [
        ("echo 'E: Failed to fetch it' >&2; exit 100", "", "apt-get failed (E: Failed to fetch it)"),
        ("exit 0", "00", "apt-get offers another build of sweethome3d-furniture=1.8-1"),
    ],
)
def test_what_apt_cannot_give_comes_from_a_server(
    servers: list[Server],
    files: dict[str, bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    download: str,
    digest: str,
    reason: str,
) -> None:
    install_apt(servers, tmp_path, download, digest)
    assert fetched(tmp_path) == files
    assert reason in capsys.readouterr().err


def test_the_second_server_takes_up_where_the_first_broke_off(
    servers: list[Server], files: dict[str, bytes], tmp_path: Path
) -> None:
    servers[0].cut = 5000
    assert fetched(tmp_path) == files
    assert servers[1].asked == ["bytes=5000-"]


def test_another_package_is_refused(servers: list[Server], files: dict[str, bytes], tmp_path: Path) -> None:
    servers[0].content = debian_package({**files, "Scopia.sh3f": b"another"})
    assert fetched(tmp_path) == files
    assert len(servers[1].asked) == 1


def test_without_a_source_each_reason_is_told_with_what_to_do(servers: list[Server], tmp_path: Path) -> None:
    servers[0].close()
    servers[1].content = debian_package({"Scopia.sh3f": b"another"})
    with pytest.raises(UserError) as failed:
        fetched(tmp_path)
    first, second = (here.url for here in servers)
    message = str(failed.value)
    for part in (NO_APT, f"{first}: <urlopen error", f"{second}: arrived damaged", *FURNITURE_ARCHIVES):
        assert part in message
    assert "data.furniture.path" in message
    assert "\n" not in message
    assert not list((tmp_path / "furniture").glob("*.sh3f"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a Debian package"),
        (b"!<arch>\n", r"no data\.tar\.xz in it"),
        (debian_package({"a": bytes(range(256))})[:-200], "Compressed|unexpected end"),
        (debian_package({"a": bytes(99)}).replace(b"7zXZ", b"8zXZ"), "invalid compressed data"),
    ],
)
def test_what_is_no_package_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "a.deb").write_bytes(content)
    with pytest.raises(UserError, match=reason):
        unpack(tmp_path / "a.deb", ["a"], tmp_path)


def test_all_servers_have_the_same_file() -> None:
    assert {(archive.name, archive.digest) for archive in FURNITURE_PACKAGES} == {
        (DEB, FURNITURE_PACKAGES[0].digest)
    }
    assert all(archive.url.startswith("https://") for archive in FURNITURE_PACKAGES)
