"""Opening a configured data set.

A kind of data set is one module `crossjepa.data.sources.<kind>` with a function
`open_source(source) -> Dataset`, and a settings model in `crossjepa.data.settings`. The module of a
collection has `fetch(source, table)` as well (see `collection`).
"""

from importlib import import_module
from types import ModuleType
from typing import cast

from crossjepa.data.dataset import Dataset
from crossjepa.data.settings import Source


def open_dataset(source: Source) -> Dataset:
    """Open a configured data set.

    Args:
        source: its entry under `data`; `path` says where its files lie.

    Raises:
        UserError: if its files are missing, or are not of this kind of data set.
    """
    return cast(Dataset, adapter(source).open_source(source))


def adapter(source: Source) -> ModuleType:
    """The module for a kind of data set."""
    return import_module(f"crossjepa.data.sources.{source.kind}")
