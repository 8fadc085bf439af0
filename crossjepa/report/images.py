"""Figures of the report's page."""

import io

from matplotlib.figure import Figure

from crossjepa.pictures import data_uri


def figure_uri(figure: Figure) -> str:
    """A figure as SVG, in a data URI."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    return data_uri("svg+xml", buffer.getvalue())
