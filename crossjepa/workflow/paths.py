"""Where every file under results/ lies. Stages get paths as arguments; only this module builds them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

RESULTS = "results"

# The arrays of each kind of store, with their number of axes.
POINT_ARRAYS = {"xyz": 3, "first": 3, "identity": 2}
TARGET_ARRAYS = {"embedding": 3, "pose": 3, "colour": 3, "thumbnails": 5, "identity": 2}
# The suites of questions that have a table, by the table's name.
TABLES = {
    "fewshot": "few_shot",
    "label_efficiency": "label_efficiency",
    "benchmark": "benchmark",
    "sweep": "sweep",
}


def download(kind: str, archive: str = "") -> str:
    """An archive that the workflow downloads, or the folder of all archives of a kind of data set."""
    return f"{RESULTS}/downloads/{kind}/{archive}".rstrip("/")


def meshes(name: str) -> str:
    """A mesh table."""
    return f"{RESULTS}/data/{name}/meshes.parquet"


def catalog(name: str) -> str:
    """A catalog."""
    return f"{RESULTS}/data/{name}/catalog.parquet"


def points(name: str) -> str:
    """The folder of a point store."""
    return f"{RESULTS}/points/{name}"


def targets(name: str) -> str:
    """The folder of a target store."""
    return f"{RESULTS}/targets/{name}"


def views(name: str, shard: str) -> str:
    """The rendered views of one shard of a target store."""
    return f"{RESULTS}/views/{name}/{shard}.zip"


def weights(name: str) -> str:
    """The folder of a teacher's weights."""
    return f"{RESULTS}/weights/{name}"


def weights_files(folder: str) -> list[str]:
    """The files that Snakemake tracks for a teacher's weights."""
    return [f"{folder}/teacher.json", f"{folder}/config.json"]


def contact_sheet(name: str) -> str:
    """A contact sheet."""
    return f"{RESULTS}/contact_sheets/{name}.png"


def manifest(store: str) -> str:
    """The file that seals a store."""
    return f"{store}/manifest.json"


def store_layout(store: str, arrays: Iterable[str]) -> list[str]:
    """The metadata files of a store."""
    return [f"{store}/zarr.json", *(f"{store}/{array}/zarr.json" for array in arrays)]


def store_shard(store: str, arrays: Mapping[str, int], shard: int | str) -> list[str]:
    """The files of one shard of a store: a file of each array, and the objects that were set aside."""
    chunks = [f"{store}/{array}/c/{shard}" + "/0" * (axes - 1) for array, axes in arrays.items()]
    return [*chunks, f"{store}/set_aside/{shard}.json"]


def store_shards(store: str, arrays: Mapping[str, int], shards: int) -> list[str]:
    """The files of all shards of a store."""
    return [file for shard in range(shards) for file in store_shard(store, arrays, shard)]


def log(job: str, folder: str = RESULTS) -> str:
    """The log of a job; `folder` is the run's, or `results` for jobs that runs share."""
    return f"{folder}/logs/{job}.log"


def seconds(job: str, folder: str = RESULTS) -> str:
    """Snakemake's benchmark file of a job: its running time and memory."""
    return f"{folder}/benchmarks/{job}.tsv"


@dataclass(frozen=True)
class RunPaths:
    """The paths of one run's files.

    Attributes:
        folder: `results/<run>`, or `results` for a run without a name.
    """

    folder: str

    @property
    def configuration(self) -> str:
        """The configuration of the latest call of Snakemake."""
        return f"{self.folder}/config.yaml"

    def kept_configuration(self, sha256: str) -> str:
        """The configuration of any call, named by its SHA-256."""
        return f"{self.folder}/configs/{sha256}.yaml"

    @property
    def report(self) -> str:
        """The HTML report."""
        return f"{self.folder}/report.html"

    def summary(self, suffix: str) -> str:
        """The summary beside published numbers, as `md` or `csv`."""
        return f"{self.folder}/summary.{suffix}"

    def encoder_folder(self, variant: str, seed: int | str) -> str:
        """The folder of one encoder, its predictor and its training log."""
        return f"{self.folder}/encoders/{variant}/{seed}"

    def encoder(self, variant: str, seed: int | str) -> str:
        """A trained encoder."""
        return f"{self.encoder_folder(variant, seed)}/encoder.safetensors"

    def predictor(self, variant: str, seed: int | str) -> str:
        """The predictor that was trained with an encoder."""
        return f"{self.encoder_folder(variant, seed)}/predictor.safetensors"

    def metrics(self, variant: str, seed: int | str) -> str:
        """The training log of an encoder."""
        return f"{self.encoder_folder(variant, seed)}/metrics.jsonl"

    def features(self, dataset: str, variant: str, seed: int | str) -> str:
        """The features of a data set by one encoder."""
        return f"{self.folder}/features/{dataset}/{variant}/{seed}.zip"

    def geometry(self, dataset: str) -> str:
        """Geometric descriptors of a data set."""
        return f"{self.folder}/features/{dataset}/geometry.zip"

    def retrieval(self, dataset: str) -> str:
        """The distances of view-to-object retrieval."""
        return f"{self.folder}/retrieval/{dataset}.zip"

    def answers(self, dataset: str, suite: str) -> str:
        """The answers to one suite of questions about a data set."""
        return f"{self.folder}/answers/{dataset}/{suite}.parquet"

    def probe(self, dataset: str) -> str:
        """The result of the linear probe."""
        return f"{self.folder}/probe_{dataset}.json"

    def table(self, table: str, dataset: str, suffix: str = "json") -> str:
        """A table, by its key in `TABLES`, as `json`, `md` or `png`."""
        return f"{self.folder}/{table}_{dataset}.{suffix}"

    def predictions(self, dataset: str) -> str:
        """The predicted classes of a data set's unlabelled objects."""
        return f"{self.folder}/predictions_{dataset}.csv"

    def audit(self, dataset: str, suffix: str) -> str:
        """The audit of a data set, as `html` or `csv`."""
        return f"{self.folder}/audit_{dataset}.{suffix}"

    def log(self, job: str) -> str:
        """The log of a job of this run."""
        return log(job, self.folder)

    def seconds(self, job: str) -> str:
        """Snakemake's benchmark file of a job of this run."""
        return seconds(job, self.folder)
