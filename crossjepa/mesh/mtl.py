"""Libraries of materials (.mtl) of Wavefront OBJ files.

Source: the MTL text of Alias/Wavefront, https://paulbourke.net/dataformats/mtl/
"""

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from math import isfinite

from crossjepa.errors import BadMesh
from crossjepa.mesh.mesh import Wrap
from crossjepa.mesh.resources import Resources

COMMENT = re.compile(r"(^|\s)#(\s.*)?$")
OPTION_VALUES = {"-mm": 2, "-o": 3, "-s": 3, "-t": 3}  # at most; all other options of maps have one


@dataclass(frozen=True)
class Material:
    """What a material says of the base colour.

    Attributes:
        colour: sRGB in 0..1 (`Kd`), or None.
        opacity: in 0..1 (`d`, or else 1 - `Tr`).
        image: name of an image as seen from the OBJ file (`map_Kd`), or None.
        scale: factors of texture coordinates along u and v.
        offset: what is then added to them.
        wrap: what coordinates outside of 0..1 show.
    """

    colour: tuple[float, ...] | None = None
    opacity: float = 1.0
    image: str | None = None
    scale: tuple[float, ...] = (1.0, 1.0)
    offset: tuple[float, ...] = (0.0, 0.0)
    wrap: Wrap = "repeat"


def plain_text(data: bytes) -> bytes:
    """UTF-16, or text with a byte order mark, as UTF-8 without one; all line ends as line feeds, blanks for
    tabs, and lines joined that a backslash continues."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        data = data.decode("utf-16", errors="replace").encode()
    text = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    text = text.replace(b"\t", b" ")
    if b"\\\n" in text:  # but not where a comment ends in the name of a folder
        text = re.sub(rb"(?m)^ *#.*$", b"", text).replace(b"\\\n", b" ")
    return text


def uncommented(line: str) -> str:
    """A line without a comment at its end; `Material #25` is a name."""
    return COMMENT.sub("", line)


def decoded(text: bytes) -> str:
    """Text in UTF-8, or else in Latin-1."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def read_libraries(lines: Iterable[str], resources: Resources) -> dict[str, Material]:
    """The materials of all libraries, by name; a library that is missing costs a warning.

    Args:
        lines: what follows each `mtllib`: a name, which may hold blanks, or several names.
        resources: finds the libraries.
    """
    materials: dict[str, Material] = {}
    for line in dict.fromkeys(lines):
        if (whole := _library(line, resources)) is not None:
            materials |= whole
            continue
        names = line.split() if " " in line else []
        libraries = {name: _library(name, resources) for name in names} or {line: None}
        for name, library in libraries.items():
            materials |= library or {}
            if library is None:
                resources.warnings.append(f"library of materials {name} is missing")
    return materials


def _library(name: str, resources: Resources) -> dict[str, Material] | None:
    name = name.strip('"')
    try:
        data = resources.read(name)
    except BadMesh:
        return None
    return read_mtl(data, posixpath.dirname(name.replace("\\", "/")))


def read_mtl(data: bytes, folder: str) -> dict[str, Material]:
    """The materials of a library, by name.

    Args:
        data: the library's bytes.
        folder: where it lies, as seen from the OBJ file; its names of images begin there.
    """
    values: dict[str, str] = {}  # here, of what stands before the first name
    materials: dict[str, dict[str, str]] = {}
    for line in decoded(plain_text(data)).split("\n"):
        key, _, value = uncommented(line).strip().partition(" ")
        if key.lower() == "newmtl":
            values = materials[" ".join(value.split())] = {}
        elif value.strip():
            values[key.lower()] = value.strip()
    return {name: _material(values, folder) for name, values in materials.items()}


def _material(values: dict[str, str], folder: str) -> Material:
    colour = _numbers(values.get("kd", "").split()[:3])
    opaque, clear = (_numbers(values.get(key, "").removeprefix("-halo").split()[:1]) for key in ("d", "tr"))
    opacity = opaque[0] if opaque else 1 - clear[0] if clear else 1.0
    name, options = _image(values.get("map_kd", ""))
    scale, offset = (_numbers(options.get(key, []))[:2] for key in ("-s", "-o"))
    return Material(
        colour=(colour if len(colour) == 3 else colour[:1] * 3) or None,
        opacity=min(max(opacity, 0.0), 1.0),
        image=posixpath.join(folder, name.lstrip("/\\")) if name else None,
        scale=(*scale, 1.0, 1.0)[:2],
        offset=(*offset, 0.0, 0.0)[:2],
        wrap="clamp" if options.get("-clamp") == ["on"] else "repeat",
    )


def _image(value: str) -> tuple[str, dict[str, list[str]]]:
    """The name of an image, which runs to the line's end, and the options before it with their values."""
    options: dict[str, list[str]] = {}
    while value.startswith("-"):
        option, *words = value.split()
        words = words[: OPTION_VALUES.get(option, 1)]
        if option in ("-o", "-s", "-t"):  # the second and third number may be left out
            words = words[: len(_numbers(words))]
        options[option] = words
        value = value.split(None, 1 + len(words))[-1] if len(value.split()) > 1 + len(words) else ""
    return value.strip('"'), options


def _numbers(words: list[str]) -> tuple[float, ...]:
    """The numbers that a list begins with."""
    return tuple(map(float, takewhile(_is_number, words)))


def _is_number(word: str) -> bool:
    try:
        return isfinite(float(word))
    except ValueError:
        return False
