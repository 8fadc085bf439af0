"""Training logs as tables."""

import json
from pathlib import Path

import pandas as pd


def read_log(path: Path) -> pd.DataFrame:
    """A training log, one record a line, as a table."""
    return pd.DataFrame(map(json.loads, path.read_text().splitlines()))
