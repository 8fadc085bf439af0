"""Named probe protocols: numbers are comparable only with the same cloud, feature and classifier.

The workflow takes from them which cloud an encoder gets.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

SVM, LAYER = "linear SVM", "trained linear layer"


@dataclass(frozen=True)
class ProbeProtocol:
    """A way to probe: the cloud given to the encoder, the feature, and the classifier fitted on it.

    Attributes:
        source: where it was published.
        selection: `farthest` points, centred in the unit sphere; or the file's `first` points, unchanged.
        points: points of the cloud.
        pooling: how tokens become one vector: maximum and mean, concatenated, or the maximum alone.
        classifier: `svc`, the linear SVM of libsvm (one-vs-one); `linear_svc`, that of liblinear
            (one-vs-rest); `logistic_regression`, a linear layer trained on standardised features.
        published_C: the C of the publication, if it has one.
    """

    source: str
    selection: Literal["farthest", "first"]
    points: int
    pooling: Literal["max_mean", "max"]
    classifier: Literal["svc", "linear_svc", "logistic_regression"]
    published_C: float | None

    @property
    def kind(self) -> str:
        """The kind of linear probe: published numbers compare within a kind only."""
        return LAYER if self.classifier == "logistic_regression" else SVM


PROTOCOLS = {
    "pointjepa": ProbeProtocol("Point-JEPA, arXiv 2404.16432", "farthest", 1024, "max_mean", "svc", 0.012),
    "crosspoint": ProbeProtocol("CrossPoint, arXiv 2203.00680", "first", 1024, "max_mean", "svc", 0.01),
    "i2pmae": ProbeProtocol("I2P-MAE, arXiv 2212.06785", "first", 1024, "max", "svc", 0.0093),
    "recon": ProbeProtocol("ReCon, arXiv 2302.02318", "farthest", 1024, "max_mean", "linear_svc", 0.075),
    "linear_layer": ProbeProtocol(
        "a trained linear layer, as in AsymDSD, arXiv 2506.21724",
        "farthest",
        1024,
        "max_mean",
        "logistic_regression",
        None,
    ),
}
# Fields that a protocol changes for a kind of data set.
EXCEPTIONS: dict[tuple[str, str], dict[str, Any]] = {
    ("i2pmae", "scanobjectnn"): {"points": 2048, "published_C": 0.018}
}


def protocol(name: str, kind: str) -> ProbeProtocol:
    """A protocol with its exceptions for a kind of data set.

    Args:
        name: a key of `PROTOCOLS`.
        kind: the data set's `kind`.
    """
    return replace(PROTOCOLS[name], **EXCEPTIONS.get((name, kind), {}))
