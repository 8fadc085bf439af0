"""Settings of the report."""

from crossjepa.settings import Section, setting


class ReportSettings(Section):
    """The HTML page."""

    neighbours: int = setting(7, "Nearest neighbours shown for each query.", "objects", ge=1, le=20)
    queries: int = setting(8, "Test objects whose nearest neighbours are shown.", "objects", ge=1, le=50)
