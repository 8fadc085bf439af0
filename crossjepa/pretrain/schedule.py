"""The learning rate over a run."""

from dataclasses import dataclass
from math import cos, pi


@dataclass(frozen=True)
class CosineWithWarmup:
    """Linear rise to `peak`, then half a cosine down to a hundredth of it.

    Source: SGDR (arXiv 1608.03983) without restarts; warm-up as in arXiv 1706.02677.

    Attributes:
        peak: the largest learning rate.
        steps: steps of the whole run.
        warmup_steps: steps over which the rate rises.
    """

    peak: float
    steps: int
    warmup_steps: int

    def at(self, step: int) -> float:
        """Learning rate of step `step`, counted from 0."""
        if step < self.warmup_steps:
            return self.peak * (step + 1) / self.warmup_steps
        done = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        floor = self.peak / 100
        return floor + (self.peak - floor) * (1 + cos(pi * done)) / 2
