"""What the networks cost, against sums done by hand; and the benches, which must run anywhere."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from crossjepa.model.sizes import SIZES
from crossjepa.pretrain.cost import OBJECTS, measure
from crossjepa.pretrain.settings import PretrainSettings

ROOT = Path(__file__).parent.parent


def crossjepa(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "crossjepa", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def encoder_operations(size: str) -> float:
    """Multiplications and additions of one object's linear layers and attention products.

    Those of the product of two weight matrices are shared by the objects of the measured batch.
    """
    shape = SIZES[size].encoder
    first, second, third = shape.patch_widths
    points = shape.groups * shape.group_size
    patch = points * (3 * first + first * (second + third)) + first * second * third / OBJECTS
    patch += shape.groups * (second * third + third * shape.dim + 3 * shape.dim + shape.dim**2)
    block = shape.groups * 12 * shape.dim**2 + 2 * shape.groups**2 * shape.dim
    return 2 * (patch + shape.depth * block)


@pytest.mark.parametrize("size", ["tiny", "base"])
def test_operations_and_parameters_agree_with_sums_by_hand(size: str) -> None:
    cost = measure(PretrainSettings(model=size), colour_dim=24, target_dim=384)  # type: ignore[arg-type]
    assert cost["encoder_gflops"] == pytest.approx(encoder_operations(size) / 1e9, rel=1e-3)
    ratio = cost["step_gflops"] / cost["encoder_gflops"]
    assert 2.9 < ratio < 4, "forward, twice as much backward, and the predictor"
    parts = cost["parameters"]
    assert parts["patch embedding"] + parts["encoder blocks"] == parts["encoder"]
    assert parts["encoder"] + parts["predictor"] == parts["all"]
    assert cost["state_mb"] == pytest.approx(16 * parts["all"] / 1e6)


def test_activations_grow_with_the_batch() -> None:
    small, large = (
        measure(PretrainSettings(batch_size=batch), colour_dim=24, target_dim=384) for batch in (8, 32)
    )
    assert large["activations_mb"] == pytest.approx(4 * small["activations_mb"])
    assert small["activations_mb"] > 8 * 64 * 32 * 256 * 2 / 1e6, "at least the widest layer's output in bf16"


def test_the_command_describes_a_configuration_for_people_and_machines(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("pretrain: {model: base}")
    done = crossjepa("describe", "--configfile", str(tmp_path / "base.yaml"), "--target-dim", "768", "--json")
    described = json.loads(done.stdout)
    assert described["model"] == "base"
    assert abs(described["parameters"]["encoder"] - 8.5e6) < 0.1e6
    assert abs(described["parameters"]["all"] - 14.1e6) < 0.1e6
    (tmp_path / "large.yaml").write_text("pretrain: {model: large}")
    files = [str(tmp_path / name) for name in ("base.yaml", "large.yaml")]
    assert json.loads(crossjepa("describe", "--configfile", *files, "--json").stdout)["model"] == "large"
    assert "parameters, encoder                    1,941,888" in crossjepa("describe").stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "none.yaml: no such configuration file"),
        (
            "pretrain: {model: huge}",
            "pretrain.model: Input should be 'tiny', 'base' or 'large' (given: 'huge')",
        ),
        ("[1, 2]", "must hold keys and values"),
        ("pretrain: {model: [", "none.yaml: not YAML (while parsing a flow"),
        ("pretrain:\n\tmodel: base", "none.yaml: not YAML (while scanning"),
        ("run: 2026-99-99", "none.yaml: not YAML (month must be"),
    ],
)
def test_a_wrong_configuration_is_one_line(tmp_path: Path, text: str | None, message: str) -> None:
    if text:
        (tmp_path / "none.yaml").write_text(text)
    done = crossjepa("describe", "--configfile", str(tmp_path / "none.yaml"))
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_benches_of_training_run_on_a_processor() -> None:
    small = {
        "train_gpu.py": ["--model", "tiny", "--objects", "8", "--batch", "4", "--epochs", "1"],
        "train_step.py": ["--sizes", "tiny", "--batch", "2", "--rounds", "1"],
    }
    for script, options in small.items():
        command = [sys.executable, f"bench/{script}", *options]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "objects/s" in done.stdout


def test_the_comparison_with_peers_prints_a_table() -> None:
    command = [sys.executable, "bench/peers.py", "--only", "encoding", "--meshes", "1", "--rounds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.count("|") for line in done.stdout.splitlines()] == [6] * 4
