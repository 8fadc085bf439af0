"""Settings of the stores that stages hand to one another."""

from crossjepa.settings import Section, setting


class StoreSettings(Section):
    """How the point and target stores are cut into files."""

    shards: int = setting(8, "Files, and jobs, that each store is cut into.", "files", ge=1, le=4096)
    chunk: int = setting(32, "Objects an inner chunk holds at most.", "objects", ge=1, le=64)
