"""Objects of a data set with everything that is known and computed of them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class DescribedObjects:
    """N objects that can be used, and those that cannot.

    Attributes:
        table: N rows with the text columns `id`, `class` (empty when unlabelled), `group`, `split` (train,
            test or anything else) and `sha256`; `path` where objects lie in a folder.
        clouds: (N, P, 3) float32, in farthest-point order, +Y up.
        features: (N, F) float32 of an encoder.
        reasons: why other objects cannot be used, by id.
    """

    table: pd.DataFrame
    clouds: NDArray[np.float32]
    features: NDArray[np.float32]
    reasons: dict[str, str]
