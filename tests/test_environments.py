"""Each stage's environment holds exactly what its modules import, in the project's versions."""

import re
import sys
from pathlib import Path

import grimp
import pytest
import yaml

ROOT = Path(__file__).parent.parent
STAGES = ["data", "render", "teacher", "pretrain", "features", "probe", "report"]
KINDS = [path.stem for path in (ROOT / "crossjepa/data/sources").glob("[a-z]*.py")]
# Modules that run in a stage's environment, if not only its own commands.
COMMANDS = {
    stage: [f"crossjepa.commands.{stage}", "crossjepa.commands.store"] for stage in ("data", "teacher")
}
# Import name -> conda-forge or PyPI name, where they differ.
NAMES = {
    "yaml": "pyyaml",
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "torch": "pytorch",
    "OpenGL": "pyopengl",
    "lzf": "python-neo-lzf",
    "mapbox_earcut": "mapbox-earcut",
    "pyrender": "pyrender-maintained",
    "lightning_fabric": "lightning-fabric",
    "matplotlib": "matplotlib-base",
}
# Needed at run time without being imported by us: (package that needs it, what it needs).
SILENT = {
    ("pandas", "pyarrow"),  # Parquet
    ("trimesh", "networkx"),  # scenes
    ("trimesh", "scipy"),  # bodies of revolution, faces grown together
    ("pyrender", "pyopengl"),  # pyrender's own pin is older
    ("cleanlab", "pip"),
    ("fpsample", "pip"),
    ("lzf", "pip"),
    ("mapbox_earcut", "pip"),
    ("pyrender", "pip"),
    ("onnx", "pip"),  # downloads the default teacher's package
    ("torch.utils.tensorboard", "tensorboard"),
    ("sklearn", "scipy"),
}


def imported(stage: str) -> set[str]:
    """Packages outside the standard library that a stage's commands import, at any depth."""
    graph = grimp.build_graph("crossjepa", include_external_packages=True, cache_dir=None)
    waiting = ["crossjepa.cli", *COMMANDS.get(stage, [f"crossjepa.commands.{stage}"])]
    if stage in ("data", "render"):  # they import the adapters of data sets by name
        waiting += [f"crossjepa.data.sources.{kind}" for kind in KINDS]
    seen: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            if module.startswith("crossjepa."):  # `crossjepa` imports the encoder when it is asked for
                waiting += graph.find_modules_directly_imported_by(module)
    outside = {module for module in seen if not module.startswith("crossjepa")}
    return {module for module in outside if module not in sys.stdlib_module_names}


def environment(stage: str) -> dict[str, str]:
    """Packages of an environment file with their versions; those from PyPI included."""
    packages = {}
    for entry in yaml.safe_load((ROOT / f"envs/{stage}.yaml").read_text())["dependencies"]:
        for line in entry["pip"] if isinstance(entry, dict) else [entry]:
            name, _, version = re.match(r"([\w.-]+)\s*(=*)\s*([\w.]*)", line).groups()  # type: ignore[union-attr]
            packages[name] = version
    return packages


@pytest.mark.parametrize("stage", STAGES)
def test_an_environment_holds_what_its_stage_imports_and_nothing_else(stage: str) -> None:
    modules = imported(stage)
    wanted = {NAMES.get(module, module) for module in modules}
    texts = [p.read_text() for p in (ROOT / "crossjepa" / stage).glob("*.py")]
    sources = modules | {name for name, _ in SILENT if any(name in text for text in texts)}
    wanted |= {package for source, package in SILENT if source in sources}
    assert set(environment(stage)) - {"python"} == wanted


@pytest.mark.parametrize("stage", STAGES)
def test_versions_agree_with_the_project(stage: str) -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {name.lower(): version for name, _, version in (line.partition("==") for line in lines)}
    pins |= {"huggingface_hub": pins["huggingface-hub"]}
    pins |= {"pytorch": pins["torch"], "matplotlib-base": pins["matplotlib"], "python": "3.11"}
    for name, version in environment(stage).items():
        if name != "pip":
            assert (pins[name.lower()] + ".").startswith(version + "."), (
                f"{name} {version} is not {pins[name.lower()]}"
            )


@pytest.mark.parametrize("stage", ["data", "render", "probe", "report"])
def test_small_stages_need_no_torch(stage: str) -> None:
    assert "pytorch" not in environment(stage)
    assert "torch" not in imported(stage)
