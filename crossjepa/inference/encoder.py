"""A trained encoder in two lines: load it, and encode meshes and point clouds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from crossjepa.devices import find_device
from crossjepa.errors import UserError, needing
from crossjepa.inference.clouds import Sampling, UnitCloud
from crossjepa.inference.encoded import Encoded, Match, Patches
from crossjepa.inference.objects import find_objects, in_batches
from crossjepa.inference.pretrained import Pretrained
from crossjepa.inference.reading import Errors, read_objects
from crossjepa.model.frames import move_cameras, normalise
from crossjepa.model.grouping import group, patches, take
from crossjepa.model.imagine import Imagination
from crossjepa.model.transformer import pool
from crossjepa.progress import bar

Up = Literal["file", "x", "y", "z"]
Features = Literal["tokens", "imagined", "both", "patches"]
Arrays = tuple[NDArray[np.float32], ...]


class Encoder(Pretrained):
    """A trained encoder for meshes and point clouds; see `Pretrained` for its arguments.

    It samples, centres and scales objects as the pipeline does: a mesh gets the vector that it has among the
    features of a run.
    """

    def encode(
        self,
        objects: Any,
        *,
        features: Features = "tokens",
        up: Up | None = None,
        batch_size: int = 32,
        device: str | torch.device | None = None,
        progress: bool = False,
        errors: Errors = "raise",
    ) -> Any:
        """Encode meshes and point clouds.

        Args:
            objects: paths of meshes, of point clouds or of folders of them; meshes, scenes and point clouds
                of trimesh; (N, 3) arrays or tensors of points; or lists and iterators of these. Units do not
                matter: every object is scaled into the unit sphere.
            features: `tokens`, the maximum and the mean over tokens; `imagined`, the predicted embedding of
                the teacher, averaged over cameras all around the object; `both`, one beside the other; or
                `patches`.
            up: the objects' axis that points up; `file`: what a glTF or COLLADA file says, y for all others.
                By default as in the data that the encoder was trained with.
            batch_size: how many objects to encode at once; it changes no vector.
            device: where to compute; by default a GPU if there is one.
            progress: draw a progress bar.
            errors: `raise` an error for an object that cannot be read, or `skip` it; see `read_objects`.

        Returns:
            (N, D) float32, or `Patches`; with `skip` an `Encoded` of them.

        Raises:
            UserError: if an object cannot be read, or the encoder has no predictor to imagine with.
        """
        _check("errors", errors, get_args(Errors))
        shapes = self._shapes(features)
        here = self._move_to(device)
        names: list[str] = []
        reasons: dict[str, str] = {}
        batches = [tuple(np.empty((0, *shape), np.float32) for shape in shapes)]
        with bar(None, "encode", "object", quiet=not progress) as drawn:
            for given in in_batches(find_objects(objects), batch_size):
                clouds, failed = read_objects(given, self.sampling(up), errors)
                rows = tuple(np.full((len(given), *shape), np.nan, np.float32) for shape in shapes)
                if clouds:
                    described = self._describe([*clouds.values()], features, here)
                    for array, values in zip(rows, described, strict=True):
                        array[[*clouds]] = values
                batches.append(rows)
                names += [each.name for each in given]
                reasons |= failed
                drawn.update(len(given))
        arrays = [np.concatenate(parts) for parts in zip(*batches, strict=True)]
        result = Patches(*arrays) if features == "patches" else arrays[0]
        return Encoded(result, names, reasons) if errors == "skip" else result

    def clouds(self, objects: Any, *, up: Up | None = None, progress: bool = False) -> Encoded:
        """The clouds that the encoder sees of objects; those that cannot be read are skipped.

        Args:
            objects, up, progress: see `encode`.

        Returns:
            An `Encoded` of (N, P, 3) float32, in the unit sphere, +Y up, the points in farthest-point order.
            `encode(list(clouds), up="y")` gives the objects' vectors.

        Raises:
            UserError: if a path does not exist, or an object is of an unknown kind.
        """
        shown = self.provenance["settings"]["points"]
        names: list[str] = []
        reasons: dict[str, str] = {}
        batches = [np.empty((0, shown, 3), np.float32)]
        with bar(None, "read", "object", quiet=not progress) as drawn:
            for given in in_batches(find_objects(objects), 32):
                clouds, failed = read_objects(given, self.sampling(up), "skip")
                rows = np.full((len(given), shown, 3), np.nan, np.float32)
                for position, cloud in clouds.items():
                    rows[position] = cloud.points[:shown]
                batches.append(rows)
                names += [each.name for each in given]
                reasons |= failed
                drawn.update(len(given))
        return Encoded(np.concatenate(batches), names, reasons)

    def imagine(
        self,
        objects: Any,
        views: ArrayLike,
        *,
        up: Up | None = None,
        device: str | torch.device | None = None,
    ) -> NDArray[np.float32]:
        """Predict the teacher's embeddings of views of objects.

        Args:
            objects, up, device: see `encode`.
            views: (V, 3) cameras: azimuth and elevation in radians, distance in radii of the object. One at
                azimuth 0 and elevation 0 looks from +Z.

        Returns:
            (N, V, D) float32, for N objects: embeddings on the teacher's own scale, for the mean colours of
            the training views.

        Raises:
            UserError: if an object cannot be read, the encoder has no predictor, or `views` are no cameras.
        """
        imagination, here = self._predictor(), self._move_to(device)
        cameras = torch.tensor(np.asarray(views), dtype=torch.float32)
        if cameras.ndim != 2 or cameras.shape[1] != 3:
            shape = tuple(cameras.shape)
            raise UserError(f"views must be (V, 3): azimuth, elevation and distance, not {shape}")
        pose = torch.cat([cameras, torch.tensor([0.0, 1.0, 0.0]).expand(len(cameras), 3)], dim=1)
        rows = []
        for given in in_batches(find_objects(objects), 32):
            clouds, _ = read_objects(given, self.sampling(up), "raise")
            with torch.inference_mode():
                cloud, centre, radius = normalise(self._stack([*clouds.values()]))
                moved = move_cameras(pose.expand(len(cloud), -1, -1), centre, radius)
                tokens = self.network.tokens(cloud.to(here))
                colour = imagination.colour.expand(*moved.shape[:2], -1)
                predicted = imagination.predictor(tokens, moved.to(here), colour)
                rows.append((predicted * imagination.std + imagination.mean).cpu().numpy())
        empty = np.empty((0, len(pose), imagination.predictor.config.target_dim), np.float32)
        return np.concatenate([empty, *rows])

    def match(
        self,
        photo: Any,
        objects: Any,
        *,
        up: Up | None = None,
        device: str | torch.device | None = None,
        progress: bool = False,
    ) -> list[Match]:
        """Find the objects that a photo may show.

        The object in the photo is cut out and embedded by the teacher; each object's imagined embedding is
        compared with that. The teacher's weights are fetched at the first call.

        Args:
            photo: a path, an image of Pillow, or an (H, W, 3) uint8 array.
            objects, up, device, progress: see `encode`.

        Returns:
            A match for each object, the best first; objects that cannot be read are left out.

        Raises:
            UserError: if the photo cannot be read, or the encoder has no predictor or its teacher cannot be
                had.
        """
        with needing("workflow"):
            from crossjepa.inference.photo import embed_photo
        wanted = embed_photo(photo, self)
        found = self.encode(
            objects, features="imagined", up=up, device=device, progress=progress, errors="skip"
        )
        distances = np.linalg.norm(found.values - wanted, axis=1)
        order = [row for row in np.argsort(distances) if found.names[row] not in found.reasons]
        return [Match(found.names[row], float(distances[row])) for row in order]

    def to_onnx(self, path: str | Path) -> None:
        """Write the encoder as one ONNX graph, from points to vectors: see `onnx.write_onnx`."""
        from crossjepa.inference.onnx import write_onnx

        write_onnx(self.network.cpu(), self.provenance["settings"]["points"], Path(path))

    def _predictor(self) -> Imagination:
        if self.imagination is None:
            raise UserError("the encoder cannot imagine: put its predictor.safetensors beside it")
        return self.imagination

    def _move_to(self, device: str | torch.device | None) -> torch.device:
        here = torch.device(device) if device else find_device()
        self.network.to(here)
        if self.imagination is not None:
            self.imagination.to(here)
        return here

    def _shapes(self, features: Features) -> list[tuple[int, ...]]:
        """The shape of an object's row of each array that `_describe` returns."""
        size = self.network.config
        if features == "patches":
            return [(size.groups, size.dim), (size.groups, 3)]
        widths = {"tokens": 2 * size.dim}
        if features in ("imagined", "both"):
            widths["imagined"] = self._predictor().predictor.config.target_dim
        widths["both"] = sum(widths.values())
        _check("features", features, get_args(Features))
        return [(widths[features],)]

    def sampling(self, up: Up | None) -> Sampling:
        """How the clouds of the training data were made, with another axis if one is given."""
        _check("up", up, (None, *get_args(Up)))
        made = list(self.provenance["clouds"].values())
        trained = {each["up"] for each in made}
        chosen = up or (trained.pop() if len(trained) == 1 else "file")
        points = max(each["points"] for each in made)
        shown = self.provenance["settings"]["points"]
        return Sampling(points, shown, made[0]["seed"], None if chosen == "file" else chosen)

    def _stack(self, clouds: Sequence[UnitCloud]) -> Tensor:
        """(B, P, 3): as many points of each cloud as the encoder was trained with."""
        shown = self.provenance["settings"]["points"]
        return torch.from_numpy(np.stack([cloud.points[:shown] for cloud in clouds]))

    @torch.inference_mode()
    def _describe(self, clouds: Sequence[UnitCloud], features: Features, here: torch.device) -> Arrays:
        """The features of clouds: one array, or tokens and centres of patches."""
        cloud, centre, radius = normalise(self._stack(clouds))
        cloud = cloud.to(here)
        if features == "patches":
            centres, members = group(cloud, self.network.config.groups, self.network.config.group_size)
            tokens, places = self.network(*patches(cloud, centres, members)), take(cloud, centres).cpu()
            return tokens.float().cpu().numpy(), _to_object(places, centre, radius, clouds)
        tokens = self.network.tokens(cloud)
        wanted = [pool(tokens)] if features in ("tokens", "both") else []
        if features in ("imagined", "both"):
            wanted.append(self._predictor()(tokens))
        return (torch.cat(wanted, dim=1).cpu().numpy(),)


def _check(option: str, given: Any, known: Sequence[Any]) -> None:
    if given not in known:
        raise UserError(f"{option} must be one of {', '.join(map(str, known))}, not {given!r}")


def _to_object(
    places: Tensor, centre: Tensor, radius: Tensor, clouds: Sequence[UnitCloud]
) -> NDArray[np.float32]:
    """(B, G, 3) places in normalised clouds in the frames of their objects."""
    unit = (places * radius[:, None, None] + centre.unsqueeze(1)).double().numpy()
    back = np.linalg.inv(np.stack([cloud.matrix for cloud in clouds]))
    placed: NDArray[np.float64] = unit @ back[:, :3, :3].transpose(0, 2, 1) + back[:, None, :3, 3]
    return placed.astype(np.float32)
