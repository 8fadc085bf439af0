"""Settings of the report."""

from crossjepa.settings import Section, setting


class ReportSettings(Section):
    """The HTML page for people."""

    neighbours: int = setting(7, "Nearest neighbours shown for each query.", "objects", ge=1, le=20)
    queries: int = setting(8, "Queries whose neighbours are shown.", "objects", ge=1, le=50)
    seed: int = setting(0, "Seeds the choice of queries and the 2-D map.", ge=0)
