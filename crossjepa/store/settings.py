"""Settings of the stores that stages hand to one another."""

from crossjepa.settings import Section, setting


class StoreSettings(Section):
    """How the point and target stores are cut into files."""

    shards: int = setting(8, "Files that each store is cut into, one job each.", "files", ge=1, le=4096)
    chunk: int = setting(32, "Largest number of objects in an inner chunk.", "objects", ge=1, le=64)
