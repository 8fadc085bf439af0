"""Settings of data sets and of the point clouds sampled from them."""

import re
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from crossjepa.data.guard import Limits
from crossjepa.settings import Place, Section, setting


class FurnitureSource(Section):
    """820 furniture models that Debian ships, 425 of them labelled."""

    kind: Literal["furniture"] = setting("furniture", "The adapter that reads this data set.")
    path: Place | None = setting(None, "Folder with the five `.sh3f` archives; fetched when left out.")


class ShapesSource(Section):
    """Procedural meshes made by code: no download, any size."""

    kind: Literal["shapes"] = setting("shapes", "The adapter that makes this data set.")
    objects: int = setting(480, "How many objects to make.", "objects", ge=24)
    seed: int = setting(0, "Seeds the shapes and their colours.", ge=0)


class FolderSource(Section):
    """Your own meshes or point clouds: a tree of files; the first folder below the top names the class."""

    kind: Literal["folder"] = setting("folder", "The adapter that reads this data set.")
    path: Place = Field(description="The folder. Files that lie in it directly have no class.", min_length=1)
    labels: Place | None = setting(None, "CSV: `id`, `path`, `class`, `split`, `group`; overrides folders.")
    up: Literal["file", "x", "y", "z"] = setting(
        "file",
        "The files' axis that points up; `file`: what a glTF or COLLADA file says, y in other formats.",
    )
    units: Literal["m", "cm", "mm", "in", "ft"] = setting("m", "The files' unit of length.")


class ModelNetSource(Section):
    """ModelNet40 or ModelNet10, in any of its three releases."""

    kind: Literal["modelnet"] = setting("modelnet", "The adapter that reads this data set.")
    categories: Literal[40, 10] = setting(40, "ModelNet40, or its subset ModelNet10.", "classes")
    release: Literal["meshes", "resampled", "hdf5"] = setting(
        "meshes",
        "`meshes`: the OFF files; `resampled`: `modelnet40_normal_resampled`, 10,000 points each; `hdf5`: "
        "`modelnet40_ply_hdf5_2048`, 2,048 points each.",
    )
    path: Place | None = setting(None, "The release's zip, or its unpacked folder; downloaded when left out.")
    complete: bool = setting(True, "Require the release's split sizes; false accepts a part of it.")

    @model_validator(mode="after")
    def _is_a_release_that_exists(self) -> "ModelNetSource":
        if self.release == "hdf5" and self.categories == 10:
            raise ValueError("ModelNet10 has no release `hdf5`; set `release` to `meshes` or `resampled`")
        return self


class ModelNet10Source(ModelNetSource):
    """ModelNet10 by default."""

    categories: Literal[40, 10] = setting(10, "ModelNet40, or its subset ModelNet10.", "classes")


class ScanObjectNNSource(Section):
    """Scanned objects, 15 classes: one entry makes `<name>_obj_bg`, `<name>_obj_only`, `<name>_pb_t50_rs`."""

    kind: Literal["scanobjectnn"] = setting("scanobjectnn", "The adapter that reads this data set.")
    variant: Literal["obj_bg", "obj_only", "pb_t50_rs"] | None = setting(
        None, "One variant; when left out all three, each a data set with its own name."
    )
    path: Place | None = setting(None, "The `h5_files` folder or a zip of it; needs a licence form.")
    complete: bool = setting(True, "Require the variant's split sizes; false accepts a part of it.")


class ShapeNetSource(Section):
    """ShapeNetCore, for pretraining: its meshes, or published clouds and views of them."""

    kind: Literal["shapenet"] = setting("shapenet", "The adapter that reads this data set.")
    path: Place | None = setting(
        None, "ShapeNetCore.v2 or .v1: the folder that holds each synset's folder or zip."
    )
    points: Place | None = setting(
        None, "Folder or zip of ShapeNet55 clouds, `<synset>-<model>.npy`; meshes are sampled when left out."
    )
    views: Place | None = setting(
        None, "Folder or zip `ShapeNetRendering` of 3D-R2N2; meshes are rendered when left out."
    )
    lists: Place | None = setting(
        None, "Folder with Point-BERT's `train.txt` and `test.txt`; without it pretraining uses all objects."
    )


class ObjaverseSource(Section):
    """Objaverse 1.0: real objects with colours, downloaded from the Hugging Face hub."""

    kind: Literal["objaverse"] = setting("objaverse", "The adapter that reads this data set.")
    subset: Literal["lvis", "all"] = setting(
        "lvis", "The 46,000 objects with a class of LVIS, or all 800,000, most of them without a class."
    )
    objects: int = setting(20_000, "How many to take.", "objects", ge=1)
    licences: tuple[Literal["by", "by-sa", "by-nc", "by-nc-sa", "cc0"], ...] = setting(
        ("by", "by-sa", "cc0"), "Creative Commons licences of the objects to take.", min_length=1
    )
    path: Place | None = setting(
        None, "The table of an earlier download, beside its meshes; downloaded when left out."
    )


class Thingi10KSource(Section):
    """Thingi10K: models for 3D printing, without colours, downloaded from the Hugging Face hub."""

    kind: Literal["thingi10k"] = setting("thingi10k", "The adapter that reads this data set.")
    objects: int = setting(10_000, "How many to take.", "objects", ge=1)
    licences: tuple[
        Literal[
            "by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd", "public-domain", "gpl", "lgpl", "bsd"
        ],
        ...,
    ] = setting(
        ("by", "by-sa", "public-domain", "gpl", "lgpl", "bsd"),
        "Licences of the models to take.",
        min_length=1,
    )
    path: Place | None = setting(
        None, "The table of an earlier download, beside its meshes; downloaded when left out."
    )


class GSOSource(Section):
    """Google Scanned Objects: household items with textures, downloaded from Open Robotics."""

    kind: Literal["gso"] = setting("gso", "The adapter that reads this data set.")
    objects: int = setting(1_030, "How many to take.", "objects", ge=1)
    path: Place | None = setting(
        None, "The table of an earlier download, beside its meshes; downloaded when left out."
    )


AnySource = (
    FurnitureSource
    | ShapesSource
    | FolderSource
    | ModelNetSource
    | ScanObjectNNSource
    | ShapeNetSource
    | GSOSource
    | ObjaverseSource
    | Thingi10KSource
)
Source = Annotated[AnySource, Field(discriminator="kind")]


class DataSettings(Section):
    """Data sets and how point clouds are sampled; any further key names a further data set."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Source] = Field(init=False)

    points: int = setting(8192, "Points sampled from each surface.", "points", ge=1024, le=65536)
    seed: int = setting(0, "Seeds the surface sampling.", ge=0)
    split_seed: int = setting(0, "Seeds the grouped train/test split.", ge=0)
    test_fraction: float = setting(0.3, "Share of labelled objects kept for testing.", gt=0, lt=1)
    max_bad_fraction: float = setting(0.05, "Largest share of objects that may be set aside.", ge=0, le=1)
    max_faces: int = setting(2_000_000, "A mesh with more faces than this is set aside.", "faces", ge=1000)
    max_seconds: float = setting(60.0, "An object that takes longer to read is set aside.", "s", gt=0)
    max_memory: float = setting(4.0, "An object that needs more memory to read is set aside.", "GB", gt=0)
    missing_textures: Literal["grey", "set_aside"] = setting(
        "grey",
        "What becomes of a mesh without one of its textures: drawn grey, with a warning, or set aside.",
    )
    furniture: FurnitureSource = Field(default=FurnitureSource(), description="The default data set.")
    shapes: ShapesSource = Field(default=ShapesSource(), description="Procedural shapes.")
    modelnet40: ModelNetSource = Field(default=ModelNetSource(), description="ModelNet40.")
    modelnet10: ModelNet10Source = Field(default=ModelNet10Source(), description="ModelNet10.")
    scanobjectnn: ScanObjectNNSource = Field(default=ScanObjectNNSource(), description="ScanObjectNN.")
    shapenet: ShapeNetSource = Field(default=ShapeNetSource(), description="ShapeNetCore.")

    @model_validator(mode="after")
    def _has_names_fit_for_files(self) -> "DataSettings":
        for name in self.__pydantic_extra__ or {}:
            if not re.fullmatch(r"[\w.-]+", name):
                raise ValueError(f"the name '{name}' may hold letters, digits, '_', '.' and '-' only")
        return self

    @property
    def limits(self) -> Limits:
        """The limits of reading one object."""
        return Limits(self.max_seconds, self.max_memory)

    @property
    def sources(self) -> dict[str, Any]:
        """Every configured data set by its name; each variant of ScanObjectNN is a data set."""
        sources: dict[str, Any] = {}
        for name, source in self:
            if isinstance(source, ScanObjectNNSource) and source.variant is None:
                for variant in ("obj_bg", "obj_only", "pb_t50_rs"):
                    sources[f"{name}_{variant}"] = source.model_copy(update={"variant": variant})
            elif isinstance(source, Section):
                sources[name] = source
        return sources
