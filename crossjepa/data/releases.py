"""Releases of public data sets: found wherever they were unpacked, and whole."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from crossjepa.data.dataset import BadMesh, ObjectRecord
from crossjepa.data.files import Files
from crossjepa.errors import UserError


@dataclass(frozen=True)
class Published:
    """What a whole release holds.

    Attributes:
        release: what to call it.
        sizes: objects of the splits train and test.
        remedy: what to do about another size.
    """

    release: str
    sizes: Mapping[str, int]
    remedy: str


def visible(files: Files) -> list[str]:
    """Names of a release's files, without those that macOS and editors leave beside them."""
    return [
        name
        for name in files.names
        if not any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))
    ]


def find_root(files: Files, needed: Sequence[str], release: str) -> str:
    """Where in a tree a release lies.

    Args:
        files: the tree.
        needed: files that the release has, relative to its top.
        release: what to call it.

    Returns:
        The path of the release's top, empty or with a slash at its end; the shallowest, if there are several.

    Raises:
        UserError: if none or not all of the needed files are there.
    """
    names = visible(files)
    roots = {
        name.removesuffix(wanted)
        for name in names
        for wanted in needed
        if name == wanted or name.endswith(f"/{wanted}")
    }
    if not roots:
        raise UserError(
            f"{files.path}: not {release}: it holds no {needed[0]}; set `path` to where that lies"
        )
    root = min(roots, key=lambda path: (path.count("/"), path))
    missing = [wanted for wanted in needed if root + wanted not in set(names)]
    if missing:
        raise UserError(f"{files.path}: {root}{missing[0]} is missing from {release}; fetch it again")
    return root


def read_lines(files: Files, name: str) -> list[str]:
    """The lines of a text file that are not empty.

    Raises:
        UserError: if it cannot be read.
    """
    try:
        text = files.read(name).decode()
    except (BadMesh, UnicodeDecodeError) as reason:
        raise UserError(f"{files.path}: {name}: {reason}; fetch it again") from reason
    return [line.strip() for line in text.splitlines() if line.strip()]


def check_whole(path: Path, records: Sequence[ObjectRecord], published: Published) -> None:
    """Make sure that a release's splits have the sizes that they were published with.

    Args:
        path: where it was read from.
        records: the objects that are there.
        published: what should be.

    Raises:
        UserError: if a split has more or fewer.
    """
    found = Counter(record.split for record in records)
    if any(found[split] != size for split, size in published.sizes.items()):
        raise UserError(
            f"{path}: {_sizes(found)} objects, where {published.release} has {_sizes(published.sizes)}; the "
            f"download is truncated or of another release: {published.remedy}, or set `complete: false` to "
            "accept a part"
        )


def _sizes(splits: Mapping[str, int]) -> str:
    return f"{splits['train']:,} train and {splits['test']:,} test"
