"""A digest of the code behind a rule, which Snakemake compares as a parameter.

Snakemake does not look into imported packages. The digest covers the function of a command and the modules
that it imports, at any depth, as syntax trees without docstrings. So an edited statement reruns the rules
that execute it, and an edited comment or docstring, a touched file or a fresh clone reruns nothing.
"""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# Modules that cannot change results. Models of settings are left out too: the values are parameters of rules.
UNTRACKED = {
    "crossjepa",
    *(
        f"crossjepa.{name}"
        for name in ("commands.options", "config", "errors", "files", "progress", "settings")
    ),
}


@cache
def code_digest(*commands: str, modules: tuple[str, ...] = ()) -> str:
    """Short SHA-256 of the code that commands execute.

    Args:
        commands: as on the command line, such as `data scan`.
        modules: names of modules that the commands import dynamically.
    """
    called = [statement for command in commands for statement in statements(command)]
    imported = [module for command in commands for module in command_imports(command)]
    behind = closure([*modules, *imported])
    dumps = [*map(ast.dump, called), *map(_dump, behind)]
    return hashlib.sha256("\n".join(dumps).encode()).hexdigest()[:16]


def closure(modules: Iterable[str]) -> list[str]:
    """`modules`, everything they import at any depth, and parent packages; sorted, without untracked ones."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in found | UNTRACKED and not module.endswith(".settings"):
            found.add(module)
            parent = module.rpartition(".")[0]
            waiting += [*module_imports(module), *([parent] if parent else [])]
    return sorted(found)


def statements(command: str) -> list[ast.AST]:
    """What a command's function and the helpers in its module execute, without the help of options."""
    stage, name = command.split()
    beside = [node for node in _tree(f"crossjepa.commands.{stage}").body if isinstance(node, ast.FunctionDef)]
    is_called = f"app.command('{name}')"
    called = [f for f in beside if not f.decorator_list or is_called in map(ast.unparse, f.decorator_list)]
    if not any(f.decorator_list for f in called):
        raise ValueError(f"crossjepa has no command '{command}'")
    return [part for f in called for part in [*f.args.defaults, *f.body]]


def command_imports(command: str) -> set[str]:
    """The package's modules whose names a command, or a helper in its module, uses."""
    called = statements(command)
    used = {node.id for part in called for node in ast.walk(part) if isinstance(node, ast.Name)}
    tree = _tree(f"crossjepa.commands.{command.split()[0]}")
    beside = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    taken = [node for node in beside if used & {alias.asname or alias.name for alias in node.names}]
    return {module for node in [*called, *taken] for module in imports(node)}


def imports(code: ast.AST) -> set[str]:
    """The package's modules that some code imports directly."""
    names: set[str] = set()
    for node in ast.walk(code):
        if isinstance(node, ast.ImportFrom):
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name for name in names if name.partition(".")[0] == "crossjepa" and _file(name).exists()}


@cache
def module_imports(module: str) -> set[str]:
    """The package's modules that a module imports directly."""
    return imports(_tree(module))


def _file(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def _dump(module: str) -> str:
    return f"{module}\n{ast.dump(_tree(module))}"


@cache
def _tree(module: str) -> ast.Module:
    """The syntax tree of a module without its docstrings."""
    tree = ast.parse(_file(module).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = node.body[ast.get_docstring(node, clean=False) is not None :]
    return tree
