"""What is refused before anything runs."""

from crossjepa.data.location import check_labels, check_location
from crossjepa.errors import UserError
from crossjepa.workflow.plan import Plan


def check_plan(plan: Plan) -> None:
    """Make sure that a run can end well, as far as that is known before it.

    Raises:
        UserError: naming the key, what is wrong and what to do.
    """
    config = plan.config
    learned = {dataset for variant in plan.variants for dataset in plan.learned(variant)}
    for dataset in sorted({*learned, *config.probe.datasets, config.benchmark.elsewhere}):
        check_location(dataset, plan.sources[dataset])
    for dataset in config.probe.datasets:
        check_labels(dataset, plan.sources[dataset])
        shown = plan.protocol(dataset).points
        if shown > config.data.points:
            raise UserError(
                f"data.points: {config.data.points}, but the protocol {config.probe.protocol} shows "
                f"{shown} points of '{dataset}'; set data.points to {shown} at least"
            )
    for dataset in sorted(learned):
        if not plan.has_views(dataset):
            raise UserError(
                f"pretrain.datasets: '{dataset}' has point clouds only, which the teacher cannot see; learn "
                "from a data set with meshes"
            )
    if not plan.has_views(config.benchmark.elsewhere):
        raise UserError(
            f"benchmark.elsewhere: '{config.benchmark.elsewhere}' has point clouds only, and the benchmark "
            "compares with the teacher there; name a data set with meshes"
        )
