"""The whole configuration: the sections of all stages, put together and checked against one another.

Each stage's settings live in its own package. A rule hands its stage only the sections that the stage uses,
so that a changed setting reruns that stage and those below. Threads, memory and devices belong to profiles.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from crossjepa.data.settings import DataSettings
from crossjepa.features.settings import FeaturesSettings
from crossjepa.pretrain.settings import PretrainSettings
from crossjepa.probe.settings import BenchmarkSettings, ProbeSettings
from crossjepa.render.settings import RenderSettings
from crossjepa.report.settings import ReportSettings
from crossjepa.settings import Section, check, merge, setting
from crossjepa.store.settings import StoreSettings
from crossjepa.teacher.settings import TeacherSettings

# A variant of a sweep: its name becomes part of file names.
VariantName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]


class Config(Section):
    """The whole configuration."""

    run: str = setting("", "Results go to `results/<run>/`, or `results/` when empty.", pattern=r"^[\w.-]*$")
    data: DataSettings = Field(DataSettings(), description=DataSettings.__doc__)
    store: StoreSettings = Field(StoreSettings(), description=StoreSettings.__doc__)
    render: RenderSettings = Field(RenderSettings(), description=RenderSettings.__doc__)
    teacher: TeacherSettings = Field(TeacherSettings(), description=TeacherSettings.__doc__)
    pretrain: PretrainSettings = Field(PretrainSettings(), description=PretrainSettings.__doc__)
    features: FeaturesSettings = Field(FeaturesSettings(), description=FeaturesSettings.__doc__)
    probe: ProbeSettings = Field(ProbeSettings(), description=ProbeSettings.__doc__)
    benchmark: BenchmarkSettings = Field(BenchmarkSettings(), description=BenchmarkSettings.__doc__)
    report: ReportSettings = Field(ReportSettings(), description=ReportSettings.__doc__)
    sweep: dict[VariantName, dict[Literal["render", "teacher", "pretrain"], dict[str, Any]]] = Field(
        default_factory=dict,
        description="Variants to train besides, each by a name of your own and the keys that differ under "
        "`render`, `teacher` or `pretrain`; `sweep_<dataset>.png` compares them.",
    )

    @property
    def swept(self) -> dict[str, "Config"]:
        """The whole configuration of each variant of the sweep."""
        whole = self.model_dump(mode="json", exclude={"sweep"})
        return {
            name: check(Config, merge(whole, {str(k): v for k, v in changes.items()}), f"sweep.{name}")
            for name, changes in self.sweep.items()
        }

    @field_validator("run")
    @classmethod
    def _is_a_folder_below_results(cls, run: str) -> str:
        if run and not re.search(r"\w", run):
            raise ValueError(f"'{run}' would lead out of results/; use a name with a letter or digit")
        return run

    @model_validator(mode="after")
    def _sweeps_variants_with_the_same_seeds(self) -> "Config":
        for name, changed in self.swept.items():
            if changed.pretrain.seeds != self.pretrain.seeds:
                raise ValueError(f"sweep.{name}.pretrain.seeds: all variants share pretrain.seeds")
        return self

    @model_validator(mode="after")
    def _names_known_datasets(self) -> "Config":
        known = self.data.sources
        for key, names in {
            "pretrain.datasets": [learned.name for learned in self.pretrain.datasets],
            "probe.datasets": self.probe.datasets,
            "benchmark.elsewhere": [self.benchmark.elsewhere],
        }.items():
            for name in names:
                if name not in known:
                    raise ValueError(f"{key}: '{name}' is not a data set under data: {sorted(known)}")
        return self

    @model_validator(mode="after")
    def _asks_for_views_that_exist(self) -> "Config":
        if self.pretrain.views_per_step > self.render.views:
            raise ValueError(
                f"pretrain.views_per_step: {self.pretrain.views_per_step} is more than "
                f"render.views; set it to {self.render.views} at most"
            )
        return self
