"""Checks of a configuration before anything runs."""

from pathlib import Path

from crossjepa.data.location import check_labels, check_location
from crossjepa.errors import UserError
from crossjepa.pretrain.start import check_start
from crossjepa.teacher.place import check_place
from crossjepa.workflow.plan import Plan


def check_plan(plan: Plan) -> None:
    """Refuse a configuration whose run is already known to fail.

    Raises:
        UserError: naming the key, what is wrong and what to do.
    """
    config = plan.config
    for variant in plan.variants.values():
        check_place(variant.teacher)
        check_start(variant.pretrain.start_from)
    _check_start_is_not_written(plan)
    learned = {dataset for variant in plan.variants for dataset in plan.learned(variant)}
    for dataset in sorted({*learned, *config.probe.datasets, config.benchmark.elsewhere}):
        check_location(dataset, plan.sources[dataset])
    for dataset in config.probe.datasets:
        check_labels(dataset, plan.sources[dataset])
        shown = plan.protocol(dataset).points
        if shown > config.data.points:
            raise UserError(
                f"data.points: {config.data.points}, but the protocol {config.probe.protocol} needs "
                f"{shown} points of '{dataset}'; set data.points to at least {shown}"
            )
    for dataset in sorted(learned):
        if not plan.has_views(dataset):
            raise UserError(
                f"pretrain.datasets: '{dataset}' has only point clouds, which the teacher cannot see; "
                "pretrain on a data set with meshes"
            )
    if not plan.has_views(config.benchmark.elsewhere):
        raise UserError(
            f"benchmark.elsewhere: '{config.benchmark.elsewhere}' has only point clouds, but the benchmark "
            "evaluates the teacher on it; name a data set with meshes"
        )


def _check_start_is_not_written(plan: Plan) -> None:
    """Training that starts from a file that it writes would never be up to date."""
    folder = Path(plan.paths.folder) / "encoders"
    for variant in plan.variants.values():
        given = variant.pretrain.start_from
        if given and Path(given).resolve().is_relative_to(folder.resolve()):
            raise UserError(
                f"pretrain.start_from: {given} is written by this run; copy it, or set run to a new name"
            )
