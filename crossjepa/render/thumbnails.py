"""The layout of the small pictures of an object, from all sides, that a target store keeps for the report."""

from crossjepa.store.sharded import ArraySpec

SIDE = 96  # pixels
MOST = 8  # pictures of an object


def thumbnails_spec(views: int) -> ArraySpec:
    """What the store keeps of an object with `views` views: (T, 96, 96, 3) uint8, T at most 8."""
    return ArraySpec((min(views, MOST), SIDE, SIDE, 3), "uint8")
