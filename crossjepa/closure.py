"""Which code a stage's results depend on, as one digest that Snakemake can compare.

Snakemake does not look into imported packages; the workflow hands each rule this digest as a parameter,
so that an edit reruns the stages that import the edited module, and a touch or a fresh clone reruns none.
"""

import hashlib
from functools import cache
from pathlib import Path

import grimp

import crossjepa

# They say what is asked for and how it is shown, not what is computed; a changed setting is tracked itself.
UNTRACKED = {"crossjepa.cli", "crossjepa.config", "crossjepa.errors", "crossjepa.progress"}


def closure(*modules: str) -> list[str]:
    """The package's modules that `modules` depend on, sorted, less those that compute nothing.

    A stage's `command` counts itself alone: it calls many things for many rules, and a rule names those
    that are its own. Packages count through their `__init__`.
    """
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module in found or module in UNTRACKED:
            continue
        found.add(module)
        if not module.endswith(".command"):
            waiting += _graph().find_modules_directly_imported_by(module)
        waiting += [parent for parent in [module.rpartition(".")[0]] if parent]
    return sorted(found)


def code_digest(*modules: str) -> str:
    """Short SHA-256 over names and sources of the `closure` of `modules`."""
    digest = hashlib.sha256()
    for module in closure(*modules):
        digest.update(module.encode() + b"\0" + _source(module).read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph("crossjepa", cache_dir=None)


def _source(module: str) -> Path:
    path = Path(crossjepa.__path__[0]).parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
