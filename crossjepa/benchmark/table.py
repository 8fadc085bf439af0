"""A benchmark's result for people, in Markdown."""

from collections.abc import Callable

from crossjepa.benchmark.result import OURS, ROWS, BenchmarkResult, Cell, Column, Found, Retrieval


def markdown(result: BenchmarkResult) -> str:
    """The table, the gains over random weights, retrieval and targets."""
    columns = list(result.columns.values())
    rows = [row for row in ROWS if any(row in column.cells for column in columns)]
    learned = " and ".join(result.datasets)
    parts = [
        f"# Benchmark: {result.dataset}",
        f"Accuracy of a linear classifier on frozen features in percent (protocol {result.protocol}), ± the "
        "deviation over encoders, with 95% intervals over groups of near-duplicates. Encoder of "
        f"{result.parameters / 1e6:.1f}M parameters, learned from {result.objects} objects of {learned} for "
        f"{result.steps} steps; seeds {', '.join(map(str, result.seeds))}; last checkpoints; "
        f"{result.pretraining_seconds / 60:.1f} minutes a seed on {result.provenance.device}.",
        _grid(columns, rows, _accuracy),
        "Gain over random weights, paired on the same objects and folds:",
        _grid(columns, [row for row in rows if row in OURS], _gain),
        "\n".join(
            f"- **{column.title}**: {column.question}; {column.objects} objects." for column in columns
        ),
    ]
    parts += [_retrieval(result.retrieval)]
    if result.targets:
        parts += [_targets(result)]
    return "\n\n".join(parts) + "\n"


def _grid(columns: list[Column], rows: list[str], show: Callable[[Cell | None], str]) -> str:
    head = f"| | {' | '.join(column.title for column in columns)} |\n|---|{'---|' * len(columns)}"
    lines = [
        f"| {ROWS[row]} | {' | '.join(show(column.cells.get(row)) for column in columns)} |" for row in rows
    ]
    return "\n".join([head, *lines])


def _accuracy(cell: Cell | None) -> str:
    if cell is None:
        return ""
    spread = "" if cell.sd is None else f" ± {cell.sd:.1f}"
    return f"{cell.mean:.1f}{spread} ({cell.ci95[0]:.1f}, {cell.ci95[1]:.1f})"


def _gain(cell: Cell | None) -> str:
    if cell is None or cell.over_random is None:
        return ""
    low, high = cell.over_random.ci95
    return f"{cell.over_random.mean:+.1f} ({low:+.1f}, {high:+.1f})"


def _retrieval(retrieval: Retrieval) -> str:
    head = "| objects | gallery | top-1, % | top-5, % | chance, % |\n|---|---|---|---|---|"

    def line(name: str, found: Found) -> str:
        first = f"{found.top1:.1f} ({found.ci95[0]:.1f}, {found.ci95[1]:.1f})"
        return f"| {name} | {found.gallery} | {first} | {found.top5:.1f} | {found.chance:.1f} |"

    lines = [line("seen in pretraining", retrieval.seen), line("unseen", retrieval.unseen)]
    title = "From a view to its object, by one encoder that did not see most labelled objects:\n"
    return "\n".join([title, head, *lines])


def _targets(result: BenchmarkResult) -> str:
    head = "| target | wanted | reached | |\n|---|---|---|---|"
    lines = [
        f"| {t.row}, {t.column} | {t.wanted:.1f} | {t.reached:.1f} | {'met' if t.met else 'missed'} |"
        for t in result.targets
    ]
    return "\n".join([head, *lines])
