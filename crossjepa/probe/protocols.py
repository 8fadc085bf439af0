"""Named probe protocols: published numbers compare only under the same cloud, feature and classifier."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossjepa.probe.linear import Predict, gram, svm_predictions


@dataclass(frozen=True)
class ProbeProtocol:
    """A way to probe: what the features are, and the classifier fitted on them.

    Attributes:
        source: where it was published.
        cloud: the point cloud that the encoder is shown.
        feature: how its tokens become one vector.
        prepare: from (N, F) features, what the classifier needs once for all its fits.
        predict: the classifier, on what `prepare` gave.
    """

    source: str
    cloud: str
    feature: str
    prepare: Callable[[NDArray[np.float32]], NDArray[np.float64]]
    predict: Predict


PROTOCOLS = {
    "pointjepa": ProbeProtocol(
        source="Point-JEPA, arXiv 2404.16432",
        cloud="farthest points, centred, in the unit sphere",
        feature="maximum beside mean of tokens, unscaled",
        prepare=gram,
        predict=svm_predictions,
    ),
}
