"""A training step against the plain one of `reference_step.py`, whose layers are Point-MAE's."""

from comparison import Comparison, Options
from synthetic import examples
from timing import time_rounds
from train_step import TARGET, VIEWS, make_training, our_step, plain_step

from crossjepa.pretrain.settings import PretrainSettings

BATCH, SHOWN = 16, 4  # objects of a step, views of each


def compare(options: Options) -> list[Comparison]:
    """Time steps of the sizes that the reference has."""
    shown, settings = (
        examples(BATCH, 1024, VIEWS, TARGET),
        PretrainSettings(batch_size=BATCH, views_per_step=SHOWN),
    )
    compared = []
    for size in ("tiny", "base"):
        training = make_training(size, shown, settings)
        calls = {"ours": our_step(training), "a plain step": plain_step(size, training)}
        task = f"a training step of `{size}`, {BATCH} objects with {SHOWN} views"
        compared.append(Comparison(task, time_rounds(calls, options.rounds)))
    return compared
