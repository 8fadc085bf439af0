"""How a model wants its images normalised."""

from pathlib import Path

from transformers.models.auto.image_processing_auto import get_image_processor_config

from crossjepa.errors import UserError

PROCESSOR = "preprocessor_config.json"


def read_normalisation(folder: Path) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of the 3 channels, on a scale of 0..1, by which the model's images are
    normalised.

    Raises:
        UserError: if the model does not state them; another model's numbers would give wrong embeddings.
    """
    processor = get_image_processor_config(folder)
    processor = processor.get("image_processor", processor)
    if (
        not processor.get("do_rescale", True)
        or abs(255 * processor.get("rescale_factor", 1 / 255) - 1) > 0.01
    ):
        raise UserError("teacher: its image processor scales pixels to another range than 0..1; name another")
    if processor.get("do_normalize") is False:
        return [0.0] * 3, [1.0] * 3
    mean, std = processor.get("image_mean"), processor.get("image_std")
    if isinstance(mean, list) and isinstance(std, list) and len(mean) == len(std) == 3:
        return mean, std
    missing = f"no {PROCESSOR} with image_mean and image_std of three channels beside the weights"
    raise UserError(f"teacher: {missing}; save the model's image processor there")
