"""Named probe protocols: published numbers compare only under the same cloud, feature and classifier.

The workflow reads here which cloud an encoder gets.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal


@dataclass(frozen=True)
class ProbeProtocol:
    """A way to probe: the cloud given to the encoder, the feature, and the classifier fitted on it.

    Features are not scaled in any of them.

    Attributes:
        source: where it was published.
        selection: `farthest` points, centred in the unit sphere; or the `first` ones of the file, untouched.
        points: points of the cloud.
        pooling: how tokens become one vector: their maximum beside their mean, or the maximum alone.
        classifier: `svc`, libsvm's linear machine (one against one); `linear_svc`, liblinear's (one against
            the rest).
        published_C: the C of the publication.
    """

    source: str
    selection: Literal["farthest", "first"]
    points: int
    pooling: Literal["max_mean", "max"]
    classifier: Literal["svc", "linear_svc"]
    published_C: float


PROTOCOLS = {
    "pointjepa": ProbeProtocol("Point-JEPA, arXiv 2404.16432", "farthest", 1024, "max_mean", "svc", 0.012),
    "crosspoint": ProbeProtocol("CrossPoint, arXiv 2203.00680", "first", 1024, "max_mean", "svc", 0.01),
    "i2pmae": ProbeProtocol("I2P-MAE, arXiv 2212.06785", "first", 1024, "max", "svc", 0.0093),
    "recon": ProbeProtocol("ReCon, arXiv 2302.02318", "farthest", 1024, "max_mean", "linear_svc", 0.075),
}
# Fields that differ, by protocol and kind of data set.
EXCEPTIONS: dict[tuple[str, str], dict[str, Any]] = {
    ("i2pmae", "scanobjectnn"): {"points": 2048, "published_C": 0.018}
}


def protocol(name: str, kind: str) -> ProbeProtocol:
    """A protocol as it is used on data sets of a kind.

    Args:
        name: a key of `PROTOCOLS`.
        kind: the data set's `kind`.
    """
    return replace(PROTOCOLS[name], **EXCEPTIONS.get((name, kind), {}))
