"""The command that downloads a collection, in a process of its own, which reads `HF_ENDPOINT` anew."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def fetch(kind: str, table: Path, **entry: Any) -> subprocess.CompletedProcess[str]:
    """Run `crossjepa data fetch` for an entry under `data`."""
    settings = json.dumps({"data": {"real": {"kind": kind, **entry}}})
    command = ["data", "fetch", "--settings", settings, "--dataset", "real", "--output", str(table)]
    return subprocess.run(
        [sys.executable, "-m", "crossjepa", *command], capture_output=True, text=True, check=False
    )
