"""Pictures of point clouds, drawn without a graphics driver."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE = 192  # pixels
AZIMUTH, ELEVATION = np.radians(35), np.radians(25)
LIGHT = np.array([-0.4, 0.6, 0.7]) / np.linalg.norm([-0.4, 0.6, 0.7])
BODY = np.array([96, 134, 168])
SPLAT = 3  # radius of a point in pixels


def draw_cloud(points: NDArray[np.float32]) -> Image.Image:
    """A shaded picture of a cloud (N, 3) in the unit sphere, +Y up, seen from above its front right."""
    right = np.array([np.cos(AZIMUTH), 0, -np.sin(AZIMUTH)])
    back = np.array(
        [np.sin(AZIMUTH) * np.cos(ELEVATION), np.sin(ELEVATION), np.cos(AZIMUTH) * np.cos(ELEVATION)]
    )
    x, y, depth = (points @ np.column_stack([right, np.cross(back, right), back])).T
    scale = SIZE / 2 - SPLAT - 1
    column, row = (SIZE / 2 + scale * x).astype(int), (SIZE / 2 - scale * y).astype(int)
    nearest = np.full((SIZE, SIZE), -np.inf)
    for dx in range(-SPLAT, SPLAT + 1):
        for dy in range(-SPLAT, SPLAT + 1):
            if dx * dx + dy * dy <= SPLAT * SPLAT:
                np.maximum.at(nearest, (row + dy, column + dx), depth)
    drawn = np.isfinite(nearest)
    height = _smooth(np.where(drawn, nearest, -1.0), drawn) * scale
    slope_y, slope_x = np.gradient(height)
    normal = np.stack([-slope_x, slope_y, np.ones_like(height)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    lit = 0.45 + 0.55 * np.clip(normal @ LIGHT, 0, 1) + 0.12 * np.where(drawn, nearest, 0)
    colours = np.clip(BODY * lit[..., None] * 1.25, 0, 255)
    return Image.fromarray(np.where(drawn[..., None], colours, 255).astype(np.uint8))


def _smooth(values: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Means over 5 x 5 pixels, of known pixels alone."""
    total, count = np.zeros_like(values), np.zeros_like(values)
    for dx in range(-2, 3):
        for dy in range(-2, 3):
            total += np.roll(np.where(known, values, 0), (dy, dx), (0, 1))
            count += np.roll(known, (dy, dx), (0, 1))
    return total / np.maximum(count, 1)
