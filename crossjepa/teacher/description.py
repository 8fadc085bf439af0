"""What is written beside a teacher's weights: where they are from and what they are."""

import json
from pathlib import Path
from typing import Any

DESCRIPTION = "teacher.json"


def read_description(folder: Path) -> dict[str, Any]:
    """The description that `fetch` wrote of the weights in `folder`."""
    described: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text())
    return described
