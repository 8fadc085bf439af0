"""The catalog: the mesh table with class, group and split.

It is a separate file so that another split seed changes neither views nor embeddings.
"""

from collections import Counter

import numpy as np
import pandas as pd

from crossjepa.data.dataset import ObjectRecord
from crossjepa.data.table import OK
from crossjepa.errors import UserError


def make_catalog(
    meshes: pd.DataFrame, records: list[ObjectRecord], seed: int, test_fraction: float
) -> pd.DataFrame:
    """Add class, group and split to a mesh table.

    Args:
        meshes: the mesh table.
        records: its objects.
        seed: seeds the split, unless the data set defines one.
        test_fraction: share of labelled objects to keep for testing, unless the data set defines a split.

    Returns:
        The table with `class` (empty when unlabelled), `group`, `split_given` (bool: the data set defines the
        split) and `split`: train or test for labelled objects, pretrain for objects that are used for
        pretraining only, and empty for objects that are set aside and for unlabelled copies of test objects,
        which must not be used at all.

    Raises:
        UserError: if the data set's split divides a group, or tests a class without training objects.
    """
    known = {record.id: record for record in records}
    table = meshes.copy()
    table["class"] = [known[i].label for i in table["id"]]
    table["group"] = [known[i].group for i in table["id"]]
    table["split_given"] = given = any(record.split for record in records)
    usable = table["status"] == OK
    labelled = usable & (table["class"] != "")
    table["split"] = np.where(usable, "pretrain", "")
    if given:
        own = pd.Series([known[i].split for i in table["id"]], index=table.index)
        table.loc[labelled, "split"] = own[labelled].replace("", "pretrain")
        _check_split(table)
    else:
        # Copies of a file share a group, whatever groups the data set gives them.
        table.loc[usable, "group"] = table[usable].groupby("sha256")["group"].transform("first")
        table.loc[labelled, "split"] = split_groups(table[labelled], seed, test_fraction)
    tested = table[table["split"] == "test"]
    copies = table["group"].isin(tested["group"]) | table["sha256"].isin(tested["sha256"])
    table.loc[(table["split"] == "pretrain") & copies, "split"] = ""
    return table


def _check_split(table: pd.DataFrame) -> None:
    train, test = (table[table["split"] == side] for side in ("train", "test"))
    if not (torn := test[test["group"].isin(train["group"])]).empty:
        row = torn.iloc[0]
        raise UserError(f"the given split: group '{row['group']}' of '{row['id']}' is in both train and test")
    if not (unknown := test[~test["class"].isin(train["class"])]).empty:
        row = unknown.iloc[0]
        raise UserError(
            f"the given split tests '{row['id']}', but has no training object of class '{row['class']}'"
        )


def untestable(table: pd.DataFrame, folds: int) -> list[str]:
    """What the labels of a catalog cannot give a probe, a line each.

    Args:
        table: a catalog.
        folds: folds of a cross-validation.

    Returns:
        A line for each class that is not tested or has fewer groups than folds, and a first one if no folds
        can be made at all.
    """
    labelled = table[table["split"].isin(["train", "test"]) & (table["class"] != "")]
    tested = set(labelled.loc[labelled["split"] == "test", "class"])
    lines = []
    for name, number in labelled.groupby("class")["group"].nunique().items():
        groups = f"class '{name}': {number} {'group' if number == 1 else 'groups'}"
        if name not in tested:
            lines.append(f"{groups}; it cannot be tested")
        elif number < folds and not labelled["split_given"].any():
            lines.append(f"{groups}; it would be missing from some of {folds} folds")
    training = labelled[labelled["split"] == "train"].groupby("class")["group"].nunique()
    if len(training) and training.max() < 2:
        lines.insert(0, "no class has two groups to train on: no folds can be made; label more objects")
    return lines


def split_groups(objects: pd.DataFrame, seed: int, test_fraction: float) -> pd.Series:
    """Assign whole groups to train or test, class by class.

    Groups are drawn at random; one is taken for testing if that brings its class closer to the wanted share.
    Every class keeps a group for training. A class with two groups or more, none shared with another class,
    has objects on both sides.

    Args:
        objects: with columns `class` and `group`.
        seed: seeds the order of groups.
        test_fraction: share of each class's objects to test on.

    Returns:
        "train" or "test" for each row.
    """
    sizes = objects["group"].value_counts()
    pairs = objects.drop_duplicates(["class", "group"])
    classes: dict[str, list[str]] = {}
    for group, label in zip(pairs["group"], pairs["class"], strict=True):
        classes.setdefault(group, []).append(label)
    training = Counter(pairs["class"])  # groups left to train on
    tested: list[str] = []
    rng = np.random.default_rng(seed)
    # A group with several classes counts for the first of them.
    owners = objects.sort_values(["class", "group"]).drop_duplicates("group")
    for _, groups in owners.groupby("class"):
        names = rng.permutation(groups["group"].to_numpy())
        wanted, taken = test_fraction * int(sizes[names].sum()), 0
        for index, (name, size) in enumerate(zip(names, sizes[names], strict=True)):
            closer = abs(taken + size - wanted) <= abs(taken - wanted)
            last_chance = taken == 0 and index == len(names) - 2
            spared = index == len(names) - 1 or any(training[each] == 1 for each in classes[name])
            if not spared and (closer or last_chance):
                tested.append(name)
                taken += size
                training.subtract(classes[name])
    return pd.Series(np.where(objects["group"].isin(tested), "test", "train"), index=objects.index)
