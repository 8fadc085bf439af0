"""Point cloud files as programs write them: read right, or refused with a word, never wrong in silence."""

import io
import struct
from pathlib import Path

import lzf
import numpy as np
import pytest

from crossjepa.data.clouds import read_cloud, to_single
from crossjepa.data.sample import thin_cloud
from crossjepa.data.scan import scan
from crossjepa.data.settings import DataSettings, FolderSource
from crossjepa.errors import BadMesh

XYZ = np.round(np.random.default_rng(0).normal(size=(60, 3)), 4)


def rows(line: str = "{0} {1} {2}", end: str = "\n") -> str:
    """A row for each point, written as `line`; {3} is a number."""
    return end.join(line.format(*point, number) for number, point in enumerate(XYZ.tolist())) + end


TEXTS = {
    "blanks": rows("  {0}   {1} {2}  "),
    "tabs": rows("{0}\t{1}\t{2}\tchair leg"),
    "several tabs": rows("{0}\t\t{1}\t{2}"),
    "commas": rows("{0},{1},{2}"),
    "comma and blank": rows("{0}, {1}, {2}, chair leg"),
    "comma and tab": rows("{0},\t{1},\t{2}"),
    "a comma at the end": rows("{0},{1},{2},"),
    "a comma and a blank at the end": rows("{0},{1},{2}, "),
    "semicolons": rows("{0};{1};{2};{3}"),
    "labels": rows("{0},{1},{2},{3},leg"),
    "quotes": '"x","y","z","part"\n' + rows('{0},{1},{2},"leg"'),
    "a header": "x y z\n" + rows(),
    "a header with commas": "X,Y,Z,label\n" + rows("{0},{1},{2},{3}"),
    "columns in another order": "label;z;y;x\n" + rows("leg;{2};{1};{0}"),
    "an index": ",x,y,z\n" + rows("{3},{0},{1},{2}"),
    "a comment that names columns": "# id x y z\n" + rows("{3} {0} {1} {2}"),
    "a comment about axes": "# x, y and z in metres\n" + rows(),
    "CloudCompare": "//X Y Z R G B\n60\n" + rows("{0} {1} {2} 9 8 7"),
    "a count": "60\n" + rows("{0} {1} {2} -1200 9 8 7"),
    "comments between": "# a scan\n" + rows("{0} {1} {2} // point {3}\n#\n\n"),
    "a byte order mark": "\ufeffx y z\n" + rows(),
    "CR LF": rows(end="\r\n"),
    "CR": rows(end="\r"),
    "no end of line": rows().rstrip("\n"),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_text_is_read_however_its_rows_are_written(text: str) -> None:
    cloud = read_cloud(text.encode(), ".txt")
    assert np.array_equal(cloud.points, XYZ)
    assert cloud.dropped == 0
    assert np.array_equal(read_cloud(text.encode("utf-16"), ".xyz").points, XYZ)


@pytest.mark.parametrize(
    "gap",
    [
        "nan nan nan",
        "0.5,,0.25",
        ",,",
        ",1.5,1.5",
        "1.5 inf 1.5",
        "1 2 -nan(ind)",
        "1 2 1.#QNAN",
        "1 2 -1.#IND00",
    ],
)
def test_rows_with_gaps_are_dropped_and_counted(gap: str) -> None:
    line = "{0},{1},{2}" if "," in gap else "{0} {1} {2}"
    cloud = read_cloud(f"{rows(line)}{gap}\n{rows(line)}".encode(), ".txt")
    assert np.array_equal(cloud.points, np.concatenate([XYZ, XYZ]))
    assert cloud.warning == "1 of 121 rows are not finite and were dropped"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (rows("{0};{1};{2}").replace(".", ","), "decimal commas"),
        ("x;y;z\n" + rows("{0};{1};{2}").replace(".", ","), "decimal commas"),
        (rows("{0}\t{1}\t{2}").replace(".", ","), "decimal commas"),
        (rows("{0} 7 {2}").replace(".", ","), "decimal commas"),
        (rows("{0},{1},{2}").replace(".", ","), "decimal commas"),
        (rows("1,{3}00.5 2,000.5 3,000.5"), "decimal commas"),
        ("id px py pz\n" + rows("{3} {0} {1} {2}"), "must name 4 columns, among them x, y and z"),
        ("x y z\n" + rows("row{3} {0} {1} {2}"), "must name 4 columns"),
        ("59\n" + rows(), "announces 59 points, but 60 rows follow"),
        (rows() + "0.5 0.5", "cannot be read: ValueError"),
        (rows("leg {0} {1} {2}"), "could not convert string 'leg'"),
        ("Dear reader,\n", "no line has three numbers"),
        ("", "no line has three numbers"),
        ("0\x000\x00", "holds zero bytes"),
    ],
)
def test_text_that_would_be_read_wrong_is_refused(text: str, reason: str) -> None:
    with pytest.raises(BadMesh, match=reason):
        read_cloud(text.encode(), ".txt")


def npz(**arrays: np.ndarray) -> bytes:
    """An .npz file."""
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def npy(array: np.ndarray) -> bytes:
    """An .npy file."""
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


STRUCTURED = np.rec.fromarrays(np.c_[np.arange(60), XYZ].T, names="intensity,x,y,z")
LABEL = np.zeros(60, np.int64)


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (npy(XYZ[None]), ".npy"),
        (npy(np.c_[XYZ, XYZ]), ".NPY"),
        (npy(STRUCTURED), ".npy"),
        (npz(points=XYZ, normals=XYZ + 1), ".npz"),
        (npz(xyz=XYZ, data=LABEL), ".npz"),
        (npz(Coords=XYZ, label=LABEL), ".npz"),
        (npz(scan=XYZ, label=LABEL, features=np.zeros((60, 64))), ".npz"),
        (npz(scan=np.c_[XYZ, XYZ], label=LABEL), ".npz"),
    ],
)
def test_numpys_files_are_read_under_the_usual_names(data: bytes, suffix: str) -> None:
    assert np.array_equal(read_cloud(data, suffix).points, XYZ)


def test_whole_numbers_are_points() -> None:
    points = read_cloud(npy((XYZ * 1000).astype(np.int16)), ".npy").points
    assert points.dtype == np.float64
    assert np.array_equal(points, (XYZ * 1000).astype(np.int16))


@pytest.mark.parametrize(
    ("data", "suffix", "reason"),
    [
        (npy(XYZ.T), ".npy", r"shape \(3, 60\): rows must be points; transpose it"),
        (npz(points=XYZ.T), ".npz", "transpose it"),
        (npy(np.stack([XYZ, XYZ])), ".npy", "several clouds in one file"),
        (npy(XYZ[:, :2]), ".npy", r"an array of shape \(60, 2\)"),
        (npy(XYZ[:, 0]), ".npy", r"an array of shape \(60,\)"),
        (npy(XYZ.astype(str)), ".npy", "instead of numbers"),
        (npy(np.full((60, 3), np.nan)), ".npy", "of 60 rows none is finite"),
        (npz(a=XYZ, b=XYZ), ".npz", r"which of its arrays holds the points\? a \(60, 3\), b \(60, 3\)"),
        (npz(points=XYZ, vertices=XYZ), ".npz", "which of its arrays"),
        (npz(label=LABEL), ".npz", r"which of its arrays holds the points\? label \(60,\)"),
    ],
)
def test_an_array_that_may_not_be_the_points_is_refused(data: bytes, suffix: str, reason: str) -> None:
    with pytest.raises(BadMesh, match=reason):
        read_cloud(data, suffix)


def pcd(data: str, version: str = ".7", head: str = "", **keys: str) -> bytes:
    """The header of a PCD file; `keys` change its lines, and an empty value leaves one out."""
    lines = {"FIELDS": "x y z", "SIZE": "4 4 4", "TYPE": "F F F", "COUNT": "1 1 1", "WIDTH": "60"}
    lines |= {"HEIGHT": "1", "VIEWPOINT": "0 0 0 1 0 0 0", "POINTS": "60"} | keys
    text = "".join(f"{key} {value}\n" for key, value in lines.items() if value)
    return f"# .PCD v{version}\nVERSION {version}\n{head}{text}DATA {data}\n".encode()


def packed(content: bytes) -> bytes:
    """The body of a compressed PCD file."""
    small = lzf.compress(content, len(content) * 2)
    return struct.pack("<II", len(small), len(content)) + small


PADDED = np.zeros(60, [("_", "V4"), ("x", "<f8"), ("n", "<u2", 3), ("y", "<f4"), ("z", "<f8"), ("p", "V8")])
for axis, values in zip("xyz", XYZ.T, strict=True):
    PADDED[axis] = values
PADDING = {"FIELDS": "_ x n y z _", "SIZE": "1 8 2 4 8 1", "TYPE": "U F U F F U", "COUNT": "4 1 3 1 1 8"}
BESIDE = b"".join(PADDED[name].tobytes() for name in PADDED.dtype.names or ())
SINGLE = XYZ.astype("<f4")
PCDS = {
    "ASCII": pcd("ascii") + rows().encode(),
    "aligned": pcd("ascii") + rows("  {0:>9}   {1:>9}   {2:>9}").encode(),
    "CR LF": (pcd("ascii") + rows().encode()).replace(b"\n", b"\r\n"),
    "version .5": pcd("ascii", ".5", COUNT="", POINTS="") + rows().encode(),
    "columns": pcd("ascii", ".5", "COLUMNS x y z\n", FIELDS="", COUNT="") + rows().encode(),
    "other fields": pcd(
        "ascii", FIELDS="rgb fpfh z y x", SIZE="4 4 4 4 4", TYPE="U F F F F", COUNT="1 2 1 1 1"
    )
    + rows("4278190080 nan 3 {2} {1} {0}").encode(),
    "capitals": pcd("ascii", FIELDS="X Y Z") + rows().encode(),
    "binary": pcd("binary") + SINGLE.tobytes() + b"\0" * 9,
    "padding": pcd("binary", **PADDING) + PADDED.tobytes(),
    "compressed": pcd("binary_compressed", **PADDING) + packed(BESIDE),
}


@pytest.mark.parametrize("data", PCDS.values(), ids=PCDS.keys())
def test_every_pcd_is_read(data: bytes) -> None:
    assert read_cloud(data, ".pcd").points == pytest.approx(XYZ, abs=1e-6)


def test_an_organised_pcd_loses_its_gaps() -> None:
    seen = SINGLE.copy()
    seen[::6] = np.nan
    cloud = read_cloud(pcd("binary", WIDTH="10", HEIGHT="6") + seen.tobytes(), ".pcd")
    assert np.array_equal(cloud.points, seen[np.arange(60) % 6 > 0])
    assert cloud.warning == "10 of 60 rows are not finite and were dropped"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (pcd("binary") + SINGLE.tobytes()[:-1], "ends early: 59 of 60 points"),
        (pcd("ascii", POINTS="61") + rows().encode(), "ends early: 60 of 61 points"),
        (pcd("binary", POINTS="1000000000") + SINGLE.tobytes(), "ends early"),
        (pcd("binary", FIELDS="x y rgb") + SINGLE.tobytes(), "no fields x, y and z, only x y rgb"),
        (pcd("binary", SIZE="4 4") + SINGLE.tobytes(), "one SIZE, TYPE and COUNT"),
        (pcd("lz4") + SINGLE.tobytes(), "PCD data 'lz4' is not supported"),
        (
            pcd("binary_compressed") + struct.pack("<II", 20, 720) + b"\xff" * 20,
            "cannot be read: ValueError: error in compressed data",
        ),
        (pcd("binary_compressed") + struct.pack("<II", 20, 719), "not 60 points of 12 bytes"),
        (
            pcd("binary_compressed", POINTS="100000000") + struct.pack("<II", 9, 1200000000),
            "are not 100000000",
        ),
        (b"# .PCD v.7\nFIELDS x y z\n", "no line DATA"),
    ],
)
def test_a_damaged_pcd_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(BadMesh, match=reason):
        read_cloud(data, ".pcd")


def test_surveyors_coordinates_keep_their_object(tmp_path: Path) -> None:
    centre = np.array([665187.0, 5648348.0, 240.0])
    np.savetxt(tmp_path / "chair.xyz", XYZ + centre, fmt="%.4f")
    (row,) = scan(FolderSource(path=str(tmp_path)), DataSettings(), threads=1).to_dict("records")
    assert [row[f"extent_{axis}"] for axis in "xyz"] == pytest.approx(np.ptp(XYZ, axis=0), rel=1e-4)
    sampled = thin_cloud(to_single(XYZ + centre), 1024)
    assert len(np.unique(sampled.xyz, axis=0)) == 60
    assert sampled.first[:60] == pytest.approx(XYZ - XYZ.mean(axis=0), abs=1e-6)


def test_other_coordinates_stay_as_they_are_in_the_file() -> None:
    assert np.array_equal(to_single(XYZ + 100), (XYZ + 100).astype(np.float32))
