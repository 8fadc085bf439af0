"""Writes what is generated from the typed settings: `python -m crossjepa.config_docs`.

The JSON schemas of the settings and of the probes' results, and the table of every key.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined, to_jsonable_python

from crossjepa.benchmark.result import BenchmarkResult
from crossjepa.benchmark.sweep_result import SweepResult
from crossjepa.config import AssembliesSource, Config
from crossjepa.data.settings import (
    FolderSource,
    FurnitureSource,
    ModelNetSource,
    ScanObjectNNSource,
    ShapeNetSource,
    ShapesSource,
)
from crossjepa.probe.fewshot_result import FewShotResult
from crossjepa.probe.label_efficiency_result import LabelEfficiencyResult
from crossjepa.probe.result import ProbeResult
from crossjepa.settings import Section

ROOT = Path(__file__).parent.parent
SOURCES: tuple[type[Section], ...] = (
    FurnitureSource,
    ShapesSource,
    AssembliesSource,
    FolderSource,
    ModelNetSource,
    ScanObjectNNSource,
    ShapeNetSource,
)
LIMITS = {"ge": "≥ {}", "gt": "> {}", "le": "≤ {}", "lt": "< {}", "min_length": "at least {} long"}

INTRO = """# Settings

Every key, its type, its default, what it may be and what it means. This page is generated from the typed
models in `crossjepa/config.py`; so is the JSON schema in `workflow/schemas/`. `config.yaml` holds the
defaults. Give a file with only what differs: `snakemake --cores 8 --configfile mine.yaml`. A wrong key, type
or value stops the run at once with the key's full name. Threads, memory, GPUs and partitions are not
settings: they belong to a profile.

## Further data sets

Any further key under `data` names a further data set. Its `kind` says which adapter reads it; the tables
`data.furniture`, `data.shapes`, `data.assemblies`, `data.folder`, `data.modelnet`, `data.scanobjectnn` and
`data.shapenet` list what each kind takes. `modelnet40`, `modelnet10`, `scanobjectnn` and `shapenet` are there
already: give what differs.

```yaml
data:
  my_meshes: {kind: folder, path: /data/my_meshes}
  many_shapes: {kind: shapes, objects: 5000, seed: 1}
  modelnet40: {path: /data/ModelNet40.zip}
  resampled: {kind: modelnet, release: resampled, path: /data/modelnet40_normal_resampled}
```

It can then be learned from (`pretrain.datasets: [my_meshes]`) and probed (`probe.datasets: [my_meshes]`, or
`results/<run>/probe_my_meshes.json` as the target, named before `--configfile`).
"""


def key_table() -> str:
    """The page `config/README.md`."""
    parts = [INTRO, "## Top level\n", *_table(Config, "")]
    for name, field in Config.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            parts += [f"\n## {name}\n", f"{section.__doc__}\n", *_table(section, name)]
        if name == "data":
            for source in SOURCES:
                kind = source.model_fields["kind"].default
                parts += [f"\n### data.{kind}\n", f"{source.__doc__}\n", *_table(source, f"data.{kind}")]
    return "\n".join(parts) + "\n"


def schemas() -> dict[str, str]:
    """JSON schemas by the name of their file."""
    written: dict[str, type[BaseModel]] = {
        "probe.schema.json": ProbeResult,
        "fewshot.schema.json": FewShotResult,
        "label_efficiency.schema.json": LabelEfficiencyResult,
        "benchmark.schema.json": BenchmarkResult,
        "sweep.schema.json": SweepResult,
    }
    models = {"config.schema.json": Config.model_json_schema()}
    models |= {name: model.model_json_schema(mode="serialization") for name, model in written.items()}
    return {name: json.dumps(schema, indent=1) + "\n" for name, schema in models.items()}


def _table(model: type[Section], prefix: str) -> Iterator[str]:
    yield "| key | type | default | allowed | unit | meaning |"
    yield "|---|---|---|---|---|---|"
    properties = model.model_json_schema()["properties"]
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            continue
        default = field.get_default(call_default_factory=True)
        shown = "required" if default is PydanticUndefined else f"`{json.dumps(to_jsonable_python(default))}`"
        unit = properties[name].get("unit", "")
        cells = [f"`{prefix}.{name}`" if prefix else f"`{name}`", _type(properties[name])]
        cells += [shown, _allowed(field.metadata, properties[name]), unit]
        yield "| " + " | ".join([*cells, field.description or ""]) + " |"


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(part) for part in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    return str(schema.get("type", "string"))


def _allowed(metadata: list[Any], schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    limits = [
        text.format(getattr(m, name)) for m in metadata for name, text in LIMITS.items() if hasattr(m, name)
    ]
    if "exclusiveMinimum" in schema.get("items", {}):
        limits.append(f"each > {schema['items']['exclusiveMinimum']}")
    return ", ".join(limits)


def main() -> None:
    """Write the page and the schemas."""
    (ROOT / "config" / "README.md").write_text(key_table())
    for name, text in schemas().items():
        (ROOT / "workflow" / "schemas" / name).write_text(text)


if __name__ == "__main__":
    main()
