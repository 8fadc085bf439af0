"""What a configuration asks for: variants to train, artefacts by name, and the settings of each rule.

An artefact's name ends in a hash of everything that determines its content. Runs with the same hash share
the artefact; a changed setting makes a new one beside it.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel

from crossjepa.config import Config
from crossjepa.data.location import downloads, has_views, listed, release_settings
from crossjepa.data.settings import AnySource
from crossjepa.files import sha256_file, write_text
from crossjepa.pretrain.settings import PretrainSettings
from crossjepa.pretrain.start import start_digest
from crossjepa.probe.protocols import ProbeProtocol, protocol
from crossjepa.probe.settings import ProbeSettings
from crossjepa.render.settings import RenderSettings
from crossjepa.teacher.place import files_digest
from crossjepa.teacher.settings import TeacherSettings
from crossjepa.workflow import paths
from crossjepa.workflow.paths import RunPaths

Kind = Literal["scan", "catalog", "points", "targets", "sheet", "weights"]
# Sections of the configuration, with the keys used of each; None means all keys.
Uses = Mapping[str, Collection[str] | None]


def _keys(section: type[BaseModel], *left_out: str) -> set[str]:
    return section.model_fields.keys() - set(left_out)


RENDER = _keys(RenderSettings, "keep_views")
TEACHER = _keys(TeacherSettings, "path")
TRIED = {"teacher": TEACHER - {"random_weights"}, "render": {"image_size"}}
PROBE = _keys(ProbeSettings, "datasets")
FURNITURE_LABELS = Path(__file__).parent.parent / "data/furniture_labels.csv"
SPLIT = {"split_seed", "test_fraction"}
SAMPLE = {"points", "seed"}
LIMITS = {"max_seconds", "max_memory"}

# The settings that determine an artefact's content, with the data set's entry: they are hashed into its name.
DETERMINANTS: Mapping[Kind, Uses] = {
    "scan": {},
    "catalog": {"data": SPLIT},
    "points": {"data": SAMPLE, "store": None},
    "targets": {"render": RENDER, "teacher": TEACHER, "store": None},
    "sheet": {"render": RENDER},
    "weights": TRIED,
}
# The settings that each rule passes to its command. A changed one reruns the rule. The contact sheet takes
# those of `render`, geometry those of `features`, and every table but the sweep those of `probe`.
RULES: Mapping[str, Uses] = {
    "scan": {"data": {"max_faces", "missing_textures"} | LIMITS},
    "catalog": {"data": SPLIT},
    "points_layout": {"data": SAMPLE | {"max_bad_fraction"}, "store": None},
    "points": {"data": SAMPLE | LIMITS},
    "seal": {"data": {"max_bad_fraction"}},
    "render": {"render": RENDER, "data": LIMITS},
    "teacher_weights": TRIED | {"teacher": TRIED["teacher"] | {"path"}},
    "targets_layout": {"render": RENDER, "teacher": TEACHER, "store": None},
    "teacher": {"teacher": TEACHER},
    "pretrain": {"pretrain": _keys(PretrainSettings, "seeds")},
    "features": {"features": {"turn_seed"}},
    "random_features": {"pretrain": {"model"}, "features": {"turn_seed", "random_encoders"}},
    "retrieval": {"benchmark": {"gallery"}},
    "answers": {"probe": PROBE - {"bootstrap"}},
    "answers_benchmark": {"probe": PROBE - {"bootstrap"}, "benchmark": {"labels"}},
    "probe": {"probe": PROBE},
    "predictions": {"probe": {"folds", "seed", "bootstrap"}},
    "audit": {"probe": {"folds", "seed"}},
    "table_sweep": {"probe": PROBE, "sweep": None},
    "report": {"report": None},
}


@dataclass(frozen=True)
class Artefact:
    """The artefact behind a name.

    Attributes:
        kind: the kind of artefact.
        dataset: the data set that it is made from; empty for weights.
        variant: one of the variants that use it; all of them have the settings that determine it.
    """

    kind: Kind
    dataset: str
    variant: str


class Plan:
    """All names, paths and settings that follow from a configuration.

    Attributes:
        config: the configuration.
        sources: the entries of all data sets by name.
        paths: the run's files.
        variants: the configuration of each variant that may be trained, by its name.
        artefacts: every artefact by its name.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.sources: dict[str, AnySource] = config.data.sources
        self.paths = RunPaths(f"{paths.RESULTS}/{config.run}" if config.run else paths.RESULTS)
        self.variants = _variants(config)
        digest = cache(files_digest)  # for this plan: a later one sees files that were replaced
        self._teachers = {name: digest(variant.teacher) for name, variant in self.variants.items()}
        found = [
            Artefact(kind, dataset, variant)
            for kind in DETERMINANTS
            for dataset in ([""] if kind == "weights" else self.sources)
            for variant in self.variants
        ]
        self.artefacts = {self.name(each.kind, each.dataset, each.variant): each for each in found}

    def name(self, kind: Kind, dataset: str = "", variant: str = "trained") -> str:
        """The name of an artefact."""
        parts: list[Any] = [self._sections(DETERMINANTS[kind], variant)]
        if "teacher" in DETERMINANTS[kind] and self._teachers[variant]:
            parts.append(self._teachers[variant])
        if dataset:
            entry = self.sources[dataset]
            official = entry.kind in ("furniture", "modelnet", "scanobjectnn")  # the same files at any path
            parts.append(entry.model_dump(mode="json", exclude={"path"} if official else set()))
        digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
        title = dataset or self.variants[variant].teacher.name.replace("/", "--")
        return f"{title}-{digest[:10]}"

    def names(self, kind: Kind) -> list[str]:
        """The names of all artefacts of a kind."""
        return [name for name, artefact in self.artefacts.items() if artefact.kind == kind]

    def settings(self, rule: str, dataset: str = "", variant: str = "trained") -> str:
        """The settings that a rule passes to its command: a partial configuration as JSON with sorted keys.

        Args:
            rule: a key of `RULES`.
            dataset: the data set whose entry is included.
            variant: the variant whose settings they are.
        """
        values = self._sections(RULES[rule], variant)
        if dataset:
            values.setdefault("data", {})[dataset] = self.source(dataset)
        return json.dumps(values, sort_keys=True)

    def release_settings(self, dataset: str) -> str:
        """The keys of a data set's entry that decide what is downloaded, as a partial configuration."""
        return json.dumps({"data": {dataset: release_settings(self.sources[dataset])}}, sort_keys=True)

    def settings_of(self, rule: str, name: str) -> str:
        """`settings` for an artefact's data set and variant."""
        artefact = self.artefacts[name]
        return self.settings(rule, artefact.dataset, artefact.variant)

    def source(self, dataset: str) -> dict[str, Any]:
        """A data set's entry; if it is downloaded and has no `path`, with the path of the download."""
        entry = self.sources[dataset]
        values = entry.model_dump(mode="json")
        if (files := downloads(entry)) and not values["path"]:
            values["path"] = paths.download(entry.kind, "" if len(files) > 1 else files[0])
        return values

    def archives(self, dataset: str) -> list[str]:
        """The archives that are inputs of rules: downloads, and for furniture also those in its `path`."""
        entry, path = self.sources[dataset], self.source(dataset).get("path")
        if entry.kind == "furniture":
            return [f"{path}/{name}" for name in downloads(entry)]
        return [str(path)] if downloads(entry) and not getattr(entry, "path", None) else []

    def labels(self, dataset: str) -> str:
        """A digest of a data set's CSV of labels; empty without one."""
        entry = self.sources[dataset]
        path = FURNITURE_LABELS if entry.kind == "furniture" else getattr(entry, "labels", None)
        return sha256_file(Path(path)) if path else ""

    def start(self, variant: str) -> str:
        """A digest of the encoder's file that a variant's training starts from; empty without one."""
        return start_digest(self.variants[variant].pretrain.start_from)

    def learned(self, variant: str = "trained") -> list[str]:
        """The data sets that a variant is pretrained on."""
        return [dataset.name for dataset in self.variants[variant].pretrain.datasets]

    def seeds(self, variant: str) -> list[int]:
        """The seeds of a variant's encoders; variants used only by the benchmark have fewer."""
        if variant == "random":
            return list(range(self.config.features.random_encoders))
        if variant in ("shuffled_targets", "random_teacher"):
            return self.config.benchmark.control_seeds
        seeds = self.config.pretrain.seeds
        return seeds if variant == "trained" or variant.startswith("sweep-") else seeds[:1]

    def protocol(self, dataset: str) -> ProbeProtocol:
        """The probe's protocol on a data set; it decides which cloud the encoder gets."""
        return protocol(self.config.probe.protocol, self.sources[dataset].kind)

    def listed(self, name: str) -> int:
        """How many objects of a folder each job of an artefact lists."""
        return listed(self.sources[self.artefacts[name].dataset])

    def has_views(self, dataset: str) -> bool:
        """Whether a data set has views for the teacher."""
        return has_views(self.sources[dataset])

    def meshes(self, dataset: str) -> str:
        """A data set's mesh table."""
        return paths.meshes(self.name("scan", dataset))

    def catalog(self, dataset: str, variant: str = "trained") -> str:
        """A data set's catalog."""
        return paths.catalog(self.name("catalog", dataset, variant))

    def points(self, dataset: str) -> str:
        """A data set's point store."""
        return paths.points(self.name("points", dataset))

    def targets(self, dataset: str, variant: str = "trained") -> str:
        """A data set's target store."""
        return paths.targets(self.name("targets", dataset, variant))

    def stores(self, dataset: str) -> list[str]:
        """A data set's point store, and its target store if it has views."""
        return [self.points(dataset), *([self.targets(dataset)] if self.has_views(dataset) else [])]

    def weights(self, targets: str) -> str:
        """The folder of the teacher's weights that embed the views of a target store."""
        return paths.weights(self.name("weights", variant=self.artefacts[targets].variant))

    def write_configuration(self) -> None:
        """Write the whole configuration beside the results, and a copy that later calls do not overwrite."""
        latest = Path(self.paths.configuration)
        text = yaml.safe_dump(self.config.model_dump(mode="json"), sort_keys=False)
        write_text(latest, text)
        write_text(Path(self.paths.kept_configuration(sha256_file(latest))), text)

    def _sections(self, uses: Uses, variant: str) -> dict[str, dict[str, Any]]:
        included = {section: True if keys is None else set(keys) for section, keys in uses.items()}
        return self.variants[variant].model_dump(mode="json", include=included)


def _variants(config: Config) -> dict[str, Config]:
    """The configurations a run may train: its own, those the benchmark compares it with, and the sweep's."""

    def changed(section: str, **values: Any) -> Config:
        altered = getattr(config, section).model_copy(update=values)
        return config.model_copy(update={section: altered})

    return {
        "trained": config,
        "shuffled_targets": changed("pretrain", shuffle_targets=True),
        "random_teacher": changed("teacher", random_weights=True),
        "retrieval": changed("data", test_fraction=config.benchmark.kept_apart),
        **{
            f"split{number}": changed("data", split_seed=config.data.split_seed + number)
            for number in range(1, config.benchmark.splits)
        },
        **{f"sweep-{name}": variant for name, variant in config.swept.items()},
    }
