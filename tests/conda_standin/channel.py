"""A stand-in for conda-forge: this Python and PyPI's wheels, packed as conda packages in a local channel.

It shows that environment files parse, can be solved and suffice for their stage. It does not show that
conda-forge has these versions.
"""

import asyncio
import configparser
import email
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import Any

import yaml
from conda_package_streaming.create import conda_builder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rattler.index import index_fs

# PyPI's name -> conda-forge's, where they differ.
RENAMED = {"torch": "pytorch", "matplotlib": "matplotlib-base", "huggingface-hub": "huggingface_hub"}
PYPI = {conda: pypi for pypi, conda in RENAMED.items()}
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def make_channel(environments: list[Path], folder: Path) -> None:
    """Pack all that environment files ask for, and what that needs in turn.

    Args:
        environments: conda environment files.
        folder: of the channel; replaced.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for platform_folder in ("noarch", "linux-64"):
        (folder / platform_folder).mkdir(parents=True)
    wanted = sorted({pip_requirement(spec) for file in environments for spec in conda_specs(file)})
    with tempfile.TemporaryDirectory() as wheels:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:"]
        subprocess.run([*pip, "--dest", wheels, *wanted], check=True)
        described = {wheel: _metadata(wheel) for wheel in Path(wheels).glob("*.whl")}
        asked = {
            canonicalize_name(metadata["Name"]): list(map(Requirement, metadata.get_all("Requires-Dist", [])))
            for metadata in described.values()
        }
        _pack_python(folder)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda item: _pack_wheel(folder, *item, asked), described.items()))
    asyncio.run(index_fs(folder))


def conda_specs(file: Path) -> list[str]:
    """The conda packages of an environment file, Python itself and pip's section left out."""
    dependencies = yaml.safe_load(file.read_text())["dependencies"]
    return [d for d in dependencies if isinstance(d, str) and not d.startswith("python ")]


def pip_requirement(spec: str) -> str:
    """`pytorch =2.13` is pip's `torch==2.13.*`."""
    name, _, version = spec.partition(" =")
    return PYPI.get(name, name) + (f"=={version}.*" if version else "")


def conda_name(name: str) -> str:
    """conda-forge's name of a project on PyPI."""
    return RENAMED.get(canonicalize_name(name), canonicalize_name(name))


@contextmanager
def _staged(folder: Path, **index: Any) -> Iterator[Path]:
    """A folder to put a package's files in, which then becomes a package of the channel."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "info").mkdir()
        yield root
        found = [p for p in sorted(root.rglob("*")) if root / "info" not in p.parents]
        files = [p for p in found if p.is_symlink() or p.is_file()]
        described = [_described(file, root) for file in files]
        index = {"build_number": 0, **index}
        (root / "info/index.json").write_text(json.dumps(index))
        (root / "info/paths.json").write_text(json.dumps({"paths": described, "paths_version": 1}))
        title = "{name}-{version}-{build}".format(**index)
        with conda_builder(title, folder / index["subdir"], compression_level=1) as archive:
            for file in [*files, *sorted((root / "info").iterdir())]:
                archive.add(file, file.relative_to(root).as_posix(), recursive=False)


def _described(file: Path, root: Path) -> dict[str, Any]:
    content = file.read_bytes() if file.is_file() else b""  # a link to a folder has none
    return {
        "_path": file.relative_to(root).as_posix(),
        "path_type": "softlink" if file.is_symlink() else "hardlink",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_in_bytes": len(content),
    }


def _pack_python(folder: Path) -> None:
    prefix = Path(sys.base_prefix)
    left_out = ["*-packages", "EXTERNALLY-MANAGED", "test", "idlelib", "config-3*", "__pycache__"]
    index = {"name": "python", "version": platform.python_version(), "build": "0_cpython", "depends": []}
    with _staged(folder, subdir="linux-64", **index) as root:
        library = root / f"lib/python{PYTHON}"
        ignore = shutil.ignore_patterns(*left_out)
        shutil.copytree(prefix / f"lib/python{PYTHON}", library, ignore=ignore, symlinks=True)
        if "deb_system" in sysconfig.get_scheme_names():  # Debian's looks and installs elsewhere than conda
            os.symlink("site-packages", library / "dist-packages")
            os.symlink(".", root / "local")
        for shared in (prefix / "lib").glob("libpython3*.so.1.0"):
            shutil.copy2(shared, root / "lib")
        (root / "bin").mkdir()
        shutil.copy2(prefix / f"bin/python{PYTHON}", root / "bin")
        for alias in ("python", "python3"):
            os.symlink(f"python{PYTHON}", root / "bin" / alias)


def _metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (described,) = [n for n in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n)]
        return email.message_from_bytes(archive.read(described))


def _pack_wheel(folder: Path, wheel: Path, metadata: Message, asked: dict[str, list[Requirement]]) -> None:
    index = {
        "name": conda_name(metadata["Name"]),
        "version": metadata["Version"],
        "build": "pyh_0",
        "noarch": "python",
        "depends": [f"python {PYTHON}.*", *sorted(_needed(canonicalize_name(metadata["Name"]), asked))],
    }
    with _staged(folder, subdir="noarch", **index) as root:
        packages = root / "site-packages"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(packages)
        for data in packages.glob("*.data"):
            for part, place in (("purelib", packages), ("platlib", packages), ("data", root)):
                if (data / part).is_dir():
                    shutil.copytree(data / part, place, dirs_exist_ok=True)
            shutil.rmtree(data)
        linked = {"noarch": {"type": "python", "entry_points": _commands(packages)}}
        (root / "info/link.json").write_text(json.dumps({**linked, "package_metadata_version": 1}))


def _needed(project: str, asked: dict[str, list[Requirement]], extra: str = "") -> set[str]:
    """What a project asks for. conda packages have no extras: who asks for one asks for what it brings."""
    needed = set()
    for requirement in asked[project]:
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            needed.add(f"{conda_name(requirement.name)} {requirement.specifier}".strip())
            for wanted in requirement.extras:
                needed |= _needed(canonicalize_name(requirement.name), asked, wanted)
    return needed


def _commands(packages: Path) -> list[str]:
    parser = configparser.ConfigParser(delimiters="=")
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(packages.glob("*.dist-info/entry_points.txt"))
    commands = parser.items("console_scripts") if parser.has_section("console_scripts") else []
    return [f"{name} = {place}" for name, place in commands]
