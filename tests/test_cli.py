"""The command line: one line for each mistake, and threads that leave a shared machine alone."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from crossjepa import __version__


def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, in an environment without OpenMP's variables."""
    ours = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_", "KMP_"))}
    command = [sys.executable, "-m", "crossjepa", *arguments]
    return subprocess.run(command, env={**ours, **environment}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("chosen", "spins"),
    [({}, "1000"), ({"GOMP_SPINCOUNT": "77"}, "77"), ({"OMP_WAIT_POLICY": "ACTIVE"}, None)],
)
def test_waiting_threads_sleep_soon_unless_the_user_says_otherwise(
    chosen: dict[str, str], spins: str | None
) -> None:
    """Read off libgomp itself, which prints its settings when torch loads it."""
    printed = call("pretrain", "--help", OMP_DISPLAY_ENV="VERBOSE", **chosen).stderr
    found = re.search(r"GOMP_SPINCOUNT = '(\d+)'", printed)
    if found is None:
        pytest.skip("this build of torch does not use GNU's OpenMP")
    assert (found[1] == spins) if spins else (int(found[1]) > 1_000_000)


def test_a_mistake_is_one_line_and_exit_code_1() -> None:
    done = call("data", "scan", "--settings", "{broken", "--dataset", "shapes", "--output", "x.parquet")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("crossjepa: error: --settings: not JSON")
    assert "Traceback" not in done.stderr


def test_without_the_pipeline_s_packages_the_command_line_says_what_to_install() -> None:
    code = "import sys; sys.modules['pandas'] = None; from crossjepa.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "data"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    expected = (
        "crossjepa: error: the package pandas is missing: pip install 'crossjepa[workflow]', in a clone"
    )
    assert done.stderr.strip() == f"{expected} pip install '.[workflow]'"


@pytest.mark.parametrize("stage", ["data", "render", "probe", "report", "store"])
def test_small_stages_never_import_torch(stage: str) -> None:
    code = f"import sys, crossjepa.commands.{stage}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_version_is_told() -> None:
    assert call("--version").stdout.strip() == f"crossjepa {__version__}"


def test_results_may_be_a_link_that_git_ignores() -> None:
    lines = (Path(__file__).parent.parent / ".gitignore").read_text().splitlines()
    assert "/results" in lines, "with a slash at its end it would mean folders alone"
