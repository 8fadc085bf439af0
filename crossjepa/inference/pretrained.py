"""A trained encoder and its files: a folder on disk or on the Hugging Face hub, with a model card."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import torch
from huggingface_hub import ModelCard, ModelHubMixin

from crossjepa.artifact import load_encoder, load_imagination, save_encoder, save_predictor
from crossjepa.errors import UserError
from crossjepa.files import write_whole
from crossjepa.inference.card import model_card
from crossjepa.inference.results import read_results
from crossjepa.inference.weights import ENCODER, PREDICTOR, Weights, find_weights, from_hub
from crossjepa.model.encoder import PointEncoder
from crossjepa.model.imagine import Imagination
from crossjepa.model.transformer import parameters


class Pretrained(ModelHubMixin):
    """Trained networks and what they were trained from, loaded from files and saved to files.

    A folder holds `encoder.safetensors`, `predictor.safetensors` if there is a predictor, `config.json` with
    the sizes, and the model card `README.md`. `from_pretrained`, `save_pretrained` and `push_to_hub` come
    from `huggingface_hub`.

    Args:
        network: the trained point encoder.
        provenance: what it was trained from.
        imagination: its predictor; without it no view can be imagined.
        folder: where it was loaded from, if that was a folder.

    Raises:
        UserError: if the provenance does not say how clouds were made.
    """

    def __init__(
        self,
        network: PointEncoder,
        provenance: dict[str, Any],
        imagination: Imagination | None = None,
        folder: Path | None = None,
    ) -> None:
        if "clouds" not in provenance:
            raise UserError("the encoder has random weights, or is of an earlier version; pretrain it again")
        self.network = network.eval()
        self.provenance = provenance
        self.imagination = imagination.eval() if imagination else None
        self.folder = folder

    @classmethod
    def load(cls, source: str | Path | None = None) -> Self:
        """Load an encoder, with its predictor if that lies beside it.

        Args:
            source: an `encoder.safetensors`; a folder that holds one; the folder of a run's results, whose
                first seed is taken; owner/name of a model of the Hugging Face hub; or None for the encoder
                that the package ships.

        Raises:
            UserError: if there is no such encoder.
        """
        return cls._from_files(find_weights(source))

    @classmethod
    def _from_files(cls, weights: Weights) -> Self:
        network, provenance = load_encoder(weights.encoder)
        imagination = load_imagination(weights.predictor) if weights.predictor else None
        return cls(network, provenance, imagination, weights.folder)

    @classmethod
    def _from_pretrained(cls, *, model_id: str, **options: Any) -> Self:
        if Path(model_id).exists():
            return cls.load(model_id)
        known = ("revision", "cache_dir", "force_download", "local_files_only", "token")
        return cls._from_files(from_hub(model_id, **{name: options[name] for name in known}))

    def __repr__(self) -> str:
        sets = ", ".join(self.provenance.get("datasets", [])) or "unknown data"
        width, predictor = 2 * self.network.config.dim, "" if self.imagination else "out"
        name = type(self).__name__
        return f"<{name}: vectors of {width} numbers, trained on {sets}, with{predictor} predictor>"

    @property
    def digest(self) -> str:
        """SHA-256 of the weights: encoders with the same digest give the same vectors."""
        found = hashlib.sha256()
        for network in (self.network, self.imagination):
            for value in network.state_dict().values() if network else ():
                found.update(value.cpu().numpy().tobytes())
        return found.hexdigest()

    def save(self, folder: str | Path, *, half: bool = False, licence: str | None = None) -> None:
        """Write the encoder into a folder that `load` reads; files of the same names are replaced.

        Args:
            folder: it is made if need be.
            half: write float16 weights, in half of the bytes; vectors then differ in the third digit.
            licence: SPDX name of the licence under which you publish the weights, for the card; by default
                the one that the encoder was saved with before.
        """
        folder, dtype = Path(folder), torch.float16 if half else torch.float32
        provenance = self._with_results() | ({"licence": licence} if licence else {})
        save_encoder(folder / ENCODER, self.network, provenance, dtype)
        config: dict[str, Any] = {"encoder": asdict(self.network.config)}
        if self.imagination is not None:
            config["predictor"] = asdict(self.imagination.predictor.config)
            save_predictor(folder / PREDICTOR, self.imagination, self.network.config.dim, dtype)
        for name, text in (("config.json", json.dumps(config, indent=2)), ("README.md", self.card(licence))):
            with write_whole(folder / name) as partial:
                partial.write_text(text, "utf-8")

    def _save_pretrained(self, save_directory: Path) -> None:
        self.save(save_directory)

    def card(self, licence: str | None = None) -> str:
        """The model card in Markdown; see `save`."""
        sizes = {"width": 2 * self.network.config.dim, "encoder": parameters(self.network)}
        if self.imagination is not None:
            sizes["predictor"] = parameters(self.imagination.predictor)
        return model_card(self._with_results(), sizes, licence or self.provenance.get("licence"))

    def _with_results(self) -> dict[str, Any]:
        """The provenance, with the accuracies that the run measured of its encoders."""
        return {"results": read_results(self.folder), **self.provenance}

    def generate_model_card(self, *_: Any, **__: Any) -> ModelCard:
        """The card as `huggingface_hub` asks for it."""
        return ModelCard(self.card())
