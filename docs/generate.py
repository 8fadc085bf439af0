"""Write the pages and schemas that follow from the typed models: `python docs/generate.py`.

From the settings: `config/README.md` with every key, and `workflow/schemas/config.schema.json`. From the
models of results: `docs/schema.md`, and `probe.schema.json` and `table.schema.json` in `workflow/schemas/`. A
test checks that the committed files agree.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined, to_jsonable_python

from crossjepa.config import Config
from crossjepa.data.settings import AnySource
from crossjepa.probe.result import ProbeResult, TableResult
from crossjepa.settings import Section

ROOT = Path(__file__).parent.parent
LIMITS = {"ge": "≥ {}", "gt": "> {}", "le": "≤ {}", "lt": "< {}", "min_length": "at least {} long"}
RESULTS = {
    "probe": ("`probe_<dataset>.json`", ProbeResult),
    "table": ("`fewshot_…`, `label_efficiency_…`, `benchmark_…` and `sweep_<dataset>.json`", TableResult),
}
SCHEMA_INTRO = """# Schema of results

This page is generated from the models in `crossjepa/probe/result.py`, as are the JSON schemas
`workflow/schemas/probe.schema.json` and `table.schema.json`. Accuracies are in percent, differences of
accuracies in percentage points.
"""
INTRO = """# Settings

This page is generated from the typed models in `crossjepa/<stage>/settings.py`, as is the JSON schema in
`workflow/schemas/`; `python docs/generate.py` writes both. `config/config.yaml` holds the defaults. Put what
you want to change into a file of your own: `snakemake --cores 8 --configfile mine.yaml`. A wrong key, type or
value stops the run at once, and the message gives the key's full name. Threads, memory, GPUs and partitions
are not settings: they belong to a profile.

## Further data sets

Any other key under `data` adds a data set. Its `kind` selects the adapter that reads it; the tables {kinds}
list the keys of each kind. `modelnet40`, `modelnet10`, `scanobjectnn` and `shapenet` exist already: give only
the keys that you want to change.

```yaml
data:
  my_meshes: {{kind: folder, path: /data/my_meshes}}
  many_shapes: {{kind: shapes, objects: 5000, seed: 1}}
  modelnet40: {{path: /data/ModelNet40.zip}}
  resampled: {{kind: modelnet, release: resampled, path: /data/modelnet40_normal_resampled}}
```

You can pretrain on such a data set (`pretrain.datasets: [my_meshes]`) and probe it (`probe.datasets:
[my_meshes]`, or the target `results/<run>/probe_my_meshes.json`, which comes before `--configfile` on the
command line).
"""


def settings_page() -> str:
    """The page `config/README.md`."""
    sources = {source.model_fields["kind"].default: source for source in get_args(AnySource)}
    names = [f"`data.{kind}`" for kind in sources]
    intro = INTRO.format(kinds=", ".join(names[:-1]) + " and " + names[-1])
    parts = [intro, "## Top level\n", *_table(Config, "")]
    for name, section in _sections(Config):
        parts += [f"\n## {name}\n", f"{section.__doc__}\n", *_table(section, name)]
        if name == "data":
            for kind, source in sources.items():
                parts += [f"\n### data.{kind}\n", f"{source.__doc__}\n", *_table(source, f"data.{kind}")]
    return "\n".join(parts) + "\n"


def results_page() -> str:
    """The page `docs/schema.md`."""
    parts = [SCHEMA_INTRO]
    for file, model in RESULTS.values():
        schema = _serialised(model)
        parts += [f"## {file}\n", f"{model.__doc__}\n", *_fields(schema)]
        for name, part in schema["$defs"].items():
            parts += [f"\n### {name}\n", f"{part['description']}\n", *_fields(part)]
        parts.append("")
    return "\n".join(parts)


def schemas() -> dict[str, str]:
    """JSON schemas by the name of their file in `workflow/schemas/`."""
    found = {"config": Config.model_json_schema()}
    found |= {name: _serialised(model) for name, (_, model) in RESULTS.items()}
    return {f"{name}.schema.json": json.dumps(schema, indent=1) + "\n" for name, schema in found.items()}


def _serialised(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(mode="serialization")


def _fields(schema: dict[str, Any]) -> Iterator[str]:
    yield "| key | type | meaning |"
    yield "|---|---|---|"
    for name, field in schema["properties"].items():
        yield f"| `{name}` | {_type(field)} | {field.get('description', '')} |"


def _sections(model: type[Section]) -> Iterator[tuple[str, type[Section]]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield name, field.annotation


def _table(model: type[Section], prefix: str) -> Iterator[str]:
    yield "| key | type | default | allowed | unit | meaning |"
    yield "|---|---|---|---|---|---|"
    properties = model.model_json_schema()["properties"]
    sections = dict(_sections(model))
    for name, field in model.model_fields.items():
        if name in sections:
            continue
        default = field.get_default(call_default_factory=True, validated_data={})
        shown = "required" if default is PydanticUndefined else f"`{json.dumps(to_jsonable_python(default))}`"
        unit = properties[name].get("unit", "")
        cells = [f"`{prefix}.{name}`" if prefix else f"`{name}`", _type(properties[name])]
        cells += [shown, _allowed(field.metadata, properties[name]), unit]
        yield "| " + " | ".join([*cells, field.description or ""]) + " |"


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(part) for part in schema["anyOf"])
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    if "prefixItems" in schema:
        return f"list of {len(schema['prefixItems'])} {_type(schema['prefixItems'][0])}s"
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    values = schema.get("additionalProperties")
    if schema.get("type") == "object" and isinstance(values, dict):
        return f"object of {_type(values)}"
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
    """Write the pages and the schemas."""
    (ROOT / "config" / "README.md").write_text(settings_page())
    (ROOT / "docs" / "schema.md").write_text(results_page())
    folder = ROOT / "workflow" / "schemas"
    for stale in set(folder.glob("*.json")) - {folder / name for name in schemas()}:
        stale.unlink()
    for name, text in schemas().items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main()
