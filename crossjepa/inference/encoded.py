"""What encoding gives: values with the names of their objects."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crossjepa.errors import UserError


class Patches(NamedTuple):
    """Features of the patches of N objects.

    Attributes:
        tokens: (N, G, dim) float32.
        centres: (N, G, 3) float32 positions, in the frame and units of each object.
    """

    tokens: NDArray[np.float32]
    centres: NDArray[np.float32]


class Encoded(NamedTuple):
    """What encoding gave where objects may be skipped.

    Attributes:
        values: what `encode` returns otherwise; NaN for objects that could not be read.
        names: N paths; for an object in memory its number.
        reasons: why objects could not be read, by name.
    """

    values: Any
    names: list[str]
    reasons: dict[str, str]

    def readable(self) -> list[int]:
        """Rows of the objects that could be read.

        Raises:
            UserError: if there is none.
        """
        rows = [row for row, name in enumerate(self.names) if name not in self.reasons]
        if not rows:
            first = next(iter(self.reasons.items()), ("nothing", "was given"))
            raise UserError(f"none of {len(self.names)} objects could be read; the first: {': '.join(first)}")
        return rows


class Match(NamedTuple):
    """How well an object fits a query.

    Attributes:
        name: as in `Encoded`.
        distance: 0 for a perfect fit; comparable within one query.
    """

    name: str
    distance: float
