"""Planted faults: which of them the audit finds, and how far an estimated accuracy is from the true one.

    python bench/audit.py FOLDER labels.csv [--encoder ENCODER] [--objects 300] [--least 1]

FOLDER holds GLB meshes; the CSV has the columns path, class and group. Some labelled objects are copied to a
temporary folder, and faults are planted there: 20 files are copied; 20 meshes are turned about up, scaled and
meshed anew (their triangles divided, their vertices rounded to 2% of the extent and merged, or their faces in
another order); 10 labels are swapped for another class; 5 files are cut short, emptied or overwritten. Then
the labels of half of the groups are hidden and predicted.
"""

import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import trimesh
import typer

from crossjepa.audit.copies import find_copies, join_groups
from crossjepa.audit.findings import audit
from crossjepa.data.described import DescribedObjects
from crossjepa.data.files import Files
from crossjepa.data.normalise import surface
from crossjepa.inference.encoder import Encoder
from crossjepa.inference.folder import describe_folder
from crossjepa.probe.predict import predict
from crossjepa.probe.settings import ProbeSettings

COPIES, TURNED, SWAPPED, BROKEN = 20, 20, 10, 5


def turned(mesh: trimesh.Trimesh, number: int, rng: np.random.Generator) -> trimesh.Trimesh:
    """A mesh, turned about up, scaled, and meshed anew in one of three ways."""
    mesh.apply_transform(trimesh.transformations.rotation_matrix(rng.uniform(0, 2 * np.pi), (0, 1, 0)))
    mesh.apply_scale(rng.uniform(0.5, 2))
    if number % 3 == 0:
        return mesh.subdivide()
    if number % 3 == 1:
        step = mesh.extents.max() / 50
        mesh.vertices = np.round(mesh.vertices / step) * step
        mesh.merge_vertices()
        mesh.update_faces(mesh.nondegenerate_faces())
        return mesh
    mesh.merge_vertices()
    return trimesh.Trimesh(mesh.vertices, rng.permutation(mesh.faces), process=False)


def plant(source: Path, labels: pd.DataFrame, folder: Path, rng: np.random.Generator) -> pd.DataFrame:
    """Fill a folder with objects and faults.

    Returns:
        The labels as they are given, with a column `fault`, and `of`, the object that a copy was made from.
    """
    rows = labels.assign(fault="", of="").to_dict("records")
    order = rng.permutation(len(rows))
    for row in rows:
        target = folder / row["path"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((source / row["path"]).read_bytes())
    copied, changed, swapped, broken = np.split(order, np.cumsum([COPIES, TURNED, SWAPPED]))[:4]
    for number, index in enumerate([*copied, *changed]):
        row = rows[index]
        exact = number < COPIES
        name = f"planted/{number}.{'glb' if exact or number % 2 else 'ply'}"
        (folder / name).parent.mkdir(exist_ok=True)
        if exact:
            (folder / name).write_bytes((folder / row["path"]).read_bytes())
        else:
            turned(surface(Files(folder).mesh(row["path"])), number, rng).export(folder / name)
        fault = "exact copy" if exact else "near copy"
        rows.append(row | {"path": name, "group": name, "fault": fault, "of": row["path"]})
    classes = labels["class"].unique()
    for index in swapped:
        others = classes[classes != rows[index]["class"]]
        rows[index] |= {"class": str(rng.choice(others)), "fault": "suspect label"}
    for number, index in enumerate(broken[:BROKEN]):
        path = folder / rows[index]["path"]
        content = path.read_bytes()
        path.write_bytes([content[: len(content) // 2], b"", b"not a mesh" * 50][number % 3])
        rows[index]["fault"] = "broken"
    return pd.DataFrame(rows)


def score(planted: pd.DataFrame, findings: pd.DataFrame) -> None:
    """Print how many planted faults of each kind were found, and what else was reported."""
    class_of = planted.set_index("path")["class"]
    print(f"{'kind':14} planted  found  others reported")
    for kind in ("broken", "exact copy", "near copy", "suspect label"):
        wanted, reported = planted[planted["fault"] == kind], findings[findings["kind"] == kind]
        if kind.endswith("copy"):
            pairs = set(map(frozenset, zip(reported["id"], reported["other"], strict=True)))
            hits = [frozenset(pair) in pairs for pair in zip(wanted["path"], wanted["of"], strict=True)]
            alike = (reported["id"].map(class_of) == reported["other"].map(class_of)).sum()
            print(f"  of all {len(reported)} pairs {alike} have one class")
        else:
            hits = wanted["path"].isin(reported["id"]).tolist()
            first = reported["id"].head(2 * len(wanted))
            print(f"  among the first {len(first)}: {wanted['path'].isin(first).sum()}")
        print(f"{kind:14} {len(wanted):7} {sum(hits):6} {len(reported) - sum(hits):16}")
    print(f"{'outlier':14} {'':7} {'':6} {(findings['kind'] == 'outlier').sum():16}")


def estimate(objects: DescribedObjects, rng: np.random.Generator) -> None:
    """Hide the labels of half of the groups; print the estimated accuracy beside the true one."""
    table = objects.table.copy()
    copies = find_copies(table["sha256"].tolist(), objects.clouds, objects.features)
    groups = join_groups(table["group"].to_numpy(str), copies)
    hidden = np.isin(groups, rng.permutation(np.unique(groups))[::2])
    truth = table["class"].to_numpy(str)
    testable = hidden & np.isin(truth, truth[~hidden])
    table.loc[hidden, "class"] = ""
    filled, trust = predict(table, objects.features, groups, ProbeSettings())
    right = filled["class"].to_numpy(str) == truth
    print("\n".join(trust.lines[: 1 + len(trust.bands)]))
    print(f"true accuracy: {100 * right[testable].mean():.1f}% of {testable.sum()} hidden objects")


def main(
    folder: Annotated[Path, typer.Argument(help="A folder of GLB meshes.")],
    labels: Annotated[Path, typer.Argument(help="CSV with the columns path, class and group.")],
    encoder: Annotated[str | None, typer.Option(help="An encoder, as for `crossjepa audit`.")] = None,
    objects: Annotated[int, typer.Option(help="Labelled objects to take.")] = 300,
    least: Annotated[int, typer.Option(help="Objects that a class must have to be taken.")] = 1,
    seed: Annotated[int, typer.Option(help="Seeds objects and faults.")] = 0,
) -> None:
    """Plant faults and print what was found; hide labels and print what was predicted."""
    rng = np.random.default_rng(seed)
    known = pd.read_csv(labels, dtype=str, keep_default_na=False).query("`class` != ''")
    known = known[known.groupby("class")["class"].transform("size") >= least]
    known = known.iloc[np.sort(rng.permutation(len(known))[:objects])][["path", "class", "group"]]
    loaded = Encoder.load(encoder)
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        planted = plant(folder, known, work / "objects", rng)
        planted[["path", "class", "group"]].to_csv(work / "labels.csv", index=False)
        started = time.perf_counter()
        found = describe_folder(loaded, work / "objects", work / "labels.csv", None)
        read = time.perf_counter()
        faults = audit(found, ProbeSettings())
        print(f"read and encoded in {read - started:.0f} s, audited in {time.perf_counter() - read:.0f} s")
    score(planted, faults.findings)
    print("\n".join(faults.notes))
    estimate(found, rng)


if __name__ == "__main__":
    typer.run(main)
