"""Geometric descriptors: known distributions, and what they must not notice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from crossjepa.features.geometry import (
    BINS,
    DIAMETER,
    distance_distribution,
    geometry_features,
    sorted_extents,
)


def cloud(seed: int, points: int = 200) -> np.ndarray:
    xyz = np.random.default_rng(seed).normal(size=(points, 3)) * [1, 2, 3]
    return (xyz / np.linalg.norm(xyz, axis=1).max()).astype(np.float32)


def test_shape_and_dtype() -> None:
    features = geometry_features(np.stack([cloud(s) for s in range(3)]))
    assert features.shape == (3, BINS + 3)
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features[1], geometry_features(cloud(1)[None])[0])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_distances_are_those_of_scipy(seed: int) -> None:
    xyz = cloud(seed)
    counts, _ = np.histogram(pdist(xyz.astype(np.float64)), BINS, (0, DIAMETER))
    ours = distance_distribution(xyz) / np.sqrt(DIAMETER / BINS) * (DIAMETER / BINS)
    assert ours.sum() == pytest.approx(1)
    # Float32 may put a distance that lies on a bin's edge next door.
    assert np.abs(ours - counts / counts.sum()).sum() * counts.sum() <= 8


def test_a_pair_of_opposite_points_is_one_spike_in_the_last_bin() -> None:
    distribution = distance_distribution(np.array([[0, -1, 0], [0, 1, 0]], dtype=np.float32))
    assert np.flatnonzero(distribution).tolist() == [BINS - 1]


def test_a_dense_sphere_has_linearly_rising_density() -> None:
    xyz = np.random.default_rng(0).normal(size=(1500, 3))
    density = distance_distribution(xyz / np.linalg.norm(xyz, axis=1, keepdims=True)) * np.sqrt(
        BINS / DIAMETER
    )
    middle = (np.arange(BINS) + 0.5) * DIAMETER / BINS
    np.testing.assert_allclose(density, middle / 2, atol=0.05)  # p(d) = d / 2 on the unit sphere


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_order_of_points_and_names_of_axes_do_not_matter(seed: int) -> None:
    xyz, rng = cloud(seed), np.random.default_rng(seed)
    changed = xyz[rng.permutation(len(xyz))][:, [2, 1, 0]]
    np.testing.assert_allclose(geometry_features(changed[None]), geometry_features(xyz[None]), atol=1e-2)
    np.testing.assert_array_equal(sorted_extents(changed), sorted_extents(xyz))


def test_a_turn_leaves_distances_but_not_extents() -> None:
    xyz, angle = cloud(0), np.pi / 4
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    np.testing.assert_allclose(distance_distribution(xyz @ turn.T), distance_distribution(xyz), atol=1e-2)
    assert not np.allclose(sorted_extents(xyz @ turn.T), sorted_extents(xyz), atol=1e-2)


def test_extents_are_the_boxs_sides_longest_first() -> None:
    corners = np.array([[0, 0, 0], [0.2, 1.0, 0.5]], dtype=np.float32)
    np.testing.assert_allclose(sorted_extents(corners), [1.0, 0.5, 0.2])
