"""The summary lists published numbers beside measured ones only where the two are comparable."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from test_report import call, result

SETTINGS = {
    "modelnet40": {"kind": "modelnet", "categories": 40, "release": "hdf5"},
    "scanobjectnn_obj_bg": {"kind": "scanobjectnn", "variant": "obj_bg"},
    "scanobjectnn_obj_only": {"kind": "scanobjectnn", "variant": "obj_only"},
    "scanobjectnn_pb_t50_rs": {"kind": "scanobjectnn", "variant": "pb_t50_rs"},
    "shapes": {"kind": "shapes"},
}


def of(dataset: str, n_train: int, n_test: int, **changed: Any) -> dict[str, Any]:
    """A result of a data set of that size."""
    values = result() | {"dataset": dataset, "n_train": n_train, "n_test": n_test}
    values |= {"data": SETTINGS[dataset], **changed}
    values["confusion"] = [[n_test, 0, 0], [0, 0, 0], [0, 0, 0]]
    return values


def summarise(folder: Path, *results: dict[str, Any]) -> tuple[str, list[dict[str, str]]]:
    """The Markdown and the rows of the CSV that the command writes."""
    inputs = []
    for index, values in enumerate(results):
        (folder / f"{index}.json").write_text(json.dumps(values))
        inputs.append(f"result={folder / f'{index}.json'}")
    call("summary", inputs, folder / "s.md")
    with (folder / "s.csv").open() as table:
        return (folder / "s.md").read_text(), list(csv.DictReader(table))


@pytest.mark.parametrize(
    ("dataset", "n_train", "n_test", "numbers", "some"),
    [
        ("modelnet40", 9840, 2468, 14, {"ReCon++": "93.6", "CrossJEPA": "94.2"}),
        ("modelnet40", 9843, 2468, 14, {"Point-JEPA": "93.7 ± 0.2"}),
        ("scanobjectnn_obj_bg", 2309, 581, 11, {"CrossJEPA": "88.3", "Point-PQAE": "89.3"}),
        ("scanobjectnn_obj_only", 2309, 581, 5, {"AsymDSD-S": "88.73"}),
        ("scanobjectnn_pb_t50_rs", 11416, 2882, 6, {"AsymSD-CLS-S": "83.19"}),
    ],
)
def test_the_whole_official_split_is_listed_beside_published_numbers(
    tmp_path: Path, dataset: str, n_train: int, n_test: int, numbers: int, some: dict[str, str]
) -> None:
    _, rows = summarise(tmp_path, of(dataset, n_train, n_test))
    published = [row for row in rows if row["origin"] == "published"]
    assert len(published) == numbers
    assert some.items() <= {row["method"]: row["accuracy"] for row in published}.items()
    assert {row["protocol"] for row in published} <= {"linear SVM", "trained linear layer"}
    assert all(row["source"].startswith("arXiv ") for row in published)
    here = [(row["protocol"], row["method"], row["accuracy"]) for row in rows if row["origin"] == "run here"]
    assert here == [
        ("linear SVM", "ours", "70.0"),
        ("linear SVM", "random weights", "70.0"),
        ("linear SVM", "teacher, mean of views", "72.2"),
        ("trained linear layer", "ours", "64.5"),
        ("trained linear layer", "random weights", "70.0"),
    ]
    assert {row["split"] for row in rows} == {"official split"}


@pytest.mark.parametrize(
    ("dataset", "n_train", "split"),
    [
        ("modelnet40", 9839, "not the official split"),
        ("scanobjectnn_obj_bg", 9840, "not the official split"),
        ("scanobjectnn_pb_t50_rs", 9840, "not the official split"),
    ],
)
def test_any_other_split_is_listed_alone(tmp_path: Path, dataset: str, n_train: int, split: str) -> None:
    page, rows = summarise(tmp_path, of(dataset, n_train, 2468))
    assert {(row["origin"], row["split"]) for row in rows} == {("run here", split)}
    assert f"## {dataset}\n\n{split.capitalize()}." in page
    assert "94.2" not in page


def test_a_data_set_is_recognised_by_its_settings_not_by_its_name(tmp_path: Path) -> None:
    renamed = of("modelnet40", 9840, 2468) | {"dataset": "mine"}
    namesake = of("modelnet40", 9840, 2468, data={"kind": "folder"})
    ten = of("modelnet40", 9840, 2468, data={"kind": "modelnet", "categories": 10})
    for values, split in (
        (renamed, "official split"),
        (namesake, "no published numbers"),
        (ten, "no published numbers"),
    ):
        _, rows = summarise(tmp_path, values)
        assert {row["split"] for row in rows} == {split}
        assert ("94.2" in {row["accuracy"] for row in rows}) == (values is renamed)


def test_accuracies_of_rotated_clouds_are_not_listed(tmp_path: Path) -> None:
    page, rows = summarise(tmp_path, of("modelnet40", 9840, 2468))
    assert "60.5" not in page
    assert "60.5" not in json.dumps(rows)


def test_every_row_says_how_it_was_run(tmp_path: Path) -> None:
    values = of("shapes", 15, 9, seeds=[0, 1], C_choice="published")
    values["confusion"] = [[18, 0, 0], [0, 0, 0], [0, 0, 0]]
    values["accuracy"] = result()["accuracy"] | {
        "canonical": {"mean": 71.26, "sd": 0.84, "ci95": [60.0, 80.0]}
    }
    values["provenance"] = values["provenance"] | {"seconds": {"pretrain": 5400.0}}
    values["baselines"] = values["baselines"] | {"teacher_views": None}
    page, rows = summarise(tmp_path, of("modelnet40", 9840, 2468), values)
    ours, random, layer, random_layer = [row for row in rows if row["dataset"] == "shapes"]
    assert ours["accuracy"] == "71.3 ± 0.8"
    assert ours["compute"] == "1.5 h for 2 seeds on cpu"
    assert ours["parameters"] == random["parameters"] == "1.9M (encoder)"
    assert ours["source"] == (
        "protocol pointjepa, the published C; pretrained on made-up, saw 0 test objects"
    )
    assert layer["source"] == (
        "logistic regression on standardised features, C = 1; pretrained on made-up, saw 0 test objects"
    )
    assert random_layer["source"] == "logistic regression on standardised features, C = 1"
    assert page.count("\n## ") == 2
    table = page.split("## shapes")[1]
    assert {line.count(" | ") for line in table.splitlines() if line.startswith("| ")} == {6}


@pytest.mark.parametrize(("seconds", "stated"), [(100.0, "1.7 min for 1 seed on cpu"), (None, "")])
def test_the_time_of_pretraining_is_stated_with_the_number_of_seeds(
    tmp_path: Path, seconds: float | None, stated: str
) -> None:
    values = of("shapes", 15, 9)
    values["provenance"] = values["provenance"] | {"seconds": {"pretrain": seconds} if seconds else {}}
    page, (ours, *_) = summarise(tmp_path, values)
    assert ours["compute"] == stated
    assert f"| {stated or '-'} | run here |" in page
