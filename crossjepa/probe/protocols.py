"""Named probe protocols: published numbers compare only under the same cloud, feature and classifier."""

from dataclasses import dataclass

from crossjepa.probe.linear import Classifier, LinearSVM


@dataclass(frozen=True)
class ProbeProtocol:
    """A way to probe.

    Attributes:
        cloud: the point cloud that the encoder is shown.
        feature: how its tokens become one vector.
        classifier: what is fitted on these vectors.
        source: where it was published.
    """

    cloud: str
    feature: str
    classifier: Classifier
    source: str


PROTOCOLS = {
    "pointjepa": ProbeProtocol(
        cloud="farthest points, centred, in the unit sphere",
        feature="maximum beside mean of tokens",
        classifier=LinearSVM(),
        source="Point-JEPA, arXiv 2404.16432",
    ),
}
