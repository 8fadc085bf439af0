"""Releases of public data sets: located wherever they were unpacked, and checked for completeness."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crossjepa.data.dataset import ObjectRecord
from crossjepa.data.files import Files
from crossjepa.errors import UserError


@dataclass(frozen=True)
class Release:
    """A release of a public data set.

    Attributes:
        files: the tree that it lies in.
        title: its name, for messages.
        sizes: objects in its splits train and test, or None to accept a part of it.
    """

    files: Files
    title: str
    sizes: Mapping[str, int] | None

    def root(self, needed: Sequence[str]) -> str:
        """The path of the release's top folder in the tree: empty, or ending with a slash.

        Args:
            needed: files of the release, relative to its top. If several folders hold some of them, the
                shallowest is the top.

        Raises:
            UserError: if none or not all of them are there.
        """
        names = self.files.names
        tops = {
            name.removesuffix(wanted)
            for name in names
            for wanted in needed
            if f"/{name}".endswith(f"/{wanted}")
        }
        if not tops:
            raise UserError(
                f"{self.files.path}: not {self.title}: it holds no {needed[0]}; set `path` to where that lies"
            )
        top = min(tops, key=lambda path: (path.count("/"), path))
        if missing := [wanted for wanted in needed if top + wanted not in set(names)]:
            raise UserError(
                f"{self.files.path}: {top}{missing[0]} is missing from {self.title}; fetch it again"
            )
        return top

    def check(self, records: Sequence[ObjectRecord]) -> None:
        """Compare the number of objects that are there with the published sizes of the splits.

        Raises:
            UserError: if a split has more or fewer objects.
        """
        found = Counter(record.split for record in records)
        if self.sizes and any(found[split] != size for split, size in self.sizes.items()):
            raise UserError(
                f"{self.files.path}: {_sizes(found)} objects, where {self.title} has {_sizes(self.sizes)}; "
                "it is truncated or another release: get it again, set `release` or `variant` to what it is, "
                "or set `complete: false` to accept a part"
            )


def _sizes(splits: Mapping[str, int]) -> str:
    return f"{splits['train']:,} train and {splits['test']:,} test"
