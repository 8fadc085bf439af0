"""Named probe protocols: published numbers compare only under the same cloud, feature and classifier.

The workflow reads here which cloud an encoder gets.
"""

from dataclasses import dataclass, field, replace
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
        exceptions: fields that differ, by kind of data set.
    """

    source: str
    selection: Literal["farthest", "first"]
    points: int
    pooling: Literal["max_mean", "max"]
    classifier: Literal["svc", "linear_svc"]
    published_C: float
    exceptions: dict[str, dict[str, Any]] = field(default_factory=dict)


PROTOCOLS = {
    "pointjepa": ProbeProtocol(
        source="Point-JEPA, arXiv 2404.16432",
        selection="farthest",
        points=1024,
        pooling="max_mean",
        classifier="svc",
        published_C=0.012,
    ),
    "crosspoint": ProbeProtocol(
        source="CrossPoint, arXiv 2203.00680",
        selection="first",
        points=1024,
        pooling="max_mean",
        classifier="svc",
        published_C=0.01,
    ),
    "i2pmae": ProbeProtocol(
        source="I2P-MAE, arXiv 2212.06785",
        selection="first",
        points=1024,
        pooling="max",
        classifier="svc",
        published_C=0.0093,
        exceptions={"scanobjectnn": {"points": 2048, "published_C": 0.018}},
    ),
    "recon": ProbeProtocol(
        source="ReCon, arXiv 2302.02318",
        selection="farthest",
        points=1024,
        pooling="max_mean",
        classifier="linear_svc",
        published_C=0.075,
    ),
}


def protocol(name: str, kind: str) -> ProbeProtocol:
    """A protocol as it is used on data sets of a kind.

    Args:
        name: a key of `PROTOCOLS`.
        kind: the data set's `kind`.
    """
    chosen = PROTOCOLS[name]
    return replace(chosen, exceptions={}, **chosen.exceptions.get(kind, {}))
