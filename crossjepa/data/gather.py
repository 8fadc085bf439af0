"""Arrays with a row for each object of a data set."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from crossjepa.data.guard import reason
from crossjepa.errors import UserError
from crossjepa.progress import track
from crossjepa.store.bundle import Arrays
from crossjepa.store.sharded import ArraySpec


def gather(
    make: Callable[[str], Mapping[str, Any]], ids: Sequence[str], specs: Mapping[str, ArraySpec], task: str
) -> tuple[Arrays, dict[str, str]]:
    """Make arrays with a row for each object. An object that fails is set aside, and its rows stay zero.

    Args:
        make: makes an object's row of each array from its id.
        ids: the n objects.
        specs: shape and dtype of a row of each array.
        task: title of the progress bar.

    Returns:
        The (n, ...) arrays by name, and the reason for each object that is set aside.

    Raises:
        UserError: if `make` raises it, because all objects would fail for the same reason.
    """
    arrays: Arrays = {name: np.zeros((len(ids), *spec.shape), spec.dtype) for name, spec in specs.items()}
    set_aside = {}
    for row, object_id in enumerate(track(ids, len(ids), task, "object")):
        try:
            values = make(object_id)
        except UserError:
            raise
        except Exception as error:  # a broken object must not stop the others
            set_aside[object_id] = reason(error)
            continue
        for name, value in values.items():
            arrays[name][row] = value
    return arrays, set_aside
