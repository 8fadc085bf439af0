"""The networks: shapes, sizes, and what must not change their answer."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crossjepa.model.encoder import EncoderConfig, PointEncoder
from crossjepa.model.grouping import farthest_points, group, patches, take
from crossjepa.model.predictor import PredictorConfig, ViewPredictor, pose_features
from crossjepa.model.rotation import about_up, turn_cameras, turn_points
from crossjepa.model.sizes import build
from crossjepa.model.transformer import parameters
from crossjepa.pretrain.clouds import normalised

SMALL = EncoderConfig(dim=32, depth=2, heads=4, patch_widths=(16, 24, 32), groups=16, group_size=8)


@pytest.fixture
def encoder() -> PointEncoder:
    torch.manual_seed(0)
    return PointEncoder(SMALL).eval()


def cloud(seed: int, batch: int = 2, points: int = 256) -> torch.Tensor:
    return normalised(torch.randn(batch, points, 3, generator=torch.Generator().manual_seed(seed)))


def predictor(conditioning: str = "both") -> ViewPredictor:
    torch.manual_seed(0)
    config = PredictorConfig(32, 2, 4, target_dim=12, colour_dim=6, conditioning=conditioning)  # type: ignore[arg-type]
    return ViewPredictor(config, token_dim=32).eval()


def test_base_has_the_papers_parameter_counts() -> None:
    model = build("base", target_dim=768, colour_dim=24, conditioning="both")
    assert abs(parameters(model.encoder) - 8.5e6) < 0.1e6
    assert abs(parameters(model) - 14.1e6) < 0.1e6


def test_farthest_points_agree_with_a_plain_loop() -> None:
    points = cloud(3, batch=1, points=60)
    first = int((points[0] - points[0].mean(0)).norm(dim=1).argmax())
    chosen = [first]
    while len(chosen) < 12:
        to_chosen = torch.cdist(points[0].double(), points[0, chosen].double()).amin(1)
        chosen.append(int(to_chosen.argmax()))
    assert farthest_points(points, 12)[0].tolist() == chosen


def test_patches_hold_the_nearest_points_relative_to_their_centre() -> None:
    points = cloud(4)
    centres, members = group(points, 16, 8)
    offsets, positions = patches(points, centres, members)
    assert offsets.shape == (2, 16, 8, 3)
    assert torch.allclose(positions, take(points, centres))
    distances = (positions[:, :, None] - points[:, None]).norm(dim=-1)
    nearest = distances.topk(8, largest=False).values
    assert torch.allclose(offsets.norm(dim=-1).sort(-1).values, nearest, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_features_ignore_the_order_of_points(seed: int) -> None:
    torch.manual_seed(0)
    encoder = PointEncoder(SMALL).eval()
    points = cloud(seed)
    order = torch.randperm(points.shape[1], generator=torch.Generator().manual_seed(seed))
    assert torch.allclose(encoder.features(points), encoder.features(points[:, order]), atol=1e-5)


def test_features_are_maximum_beside_mean_of_tokens(encoder: PointEncoder) -> None:
    points = cloud(5)
    tokens = encoder(*patches(points, *group(points, SMALL.groups, SMALL.group_size)))
    expected = torch.cat([tokens.max(1).values, tokens.mean(1)], dim=1)
    assert torch.allclose(encoder.features(points), expected, atol=1e-6)


def test_a_clouds_features_do_not_depend_on_its_companions(encoder: PointEncoder) -> None:
    points = cloud(6, batch=5)
    assert torch.allclose(encoder.features(points)[:1], encoder.features(points[:1]), atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.floats(-10, 10), st.floats(-3, 3), st.floats(-1.5, 1.5))
def test_turning_cloud_and_cameras_together_keeps_every_view(
    turn: float, azimuth: float, elevation: float
) -> None:
    angle = torch.tensor([turn])
    pose = torch.tensor([[[azimuth, elevation, 2.5, 0.0, 1.0, 0.0]]])
    points = cloud(7, batch=1)
    before = points[0] @ pose_features(pose)[0, 0, :3]
    after = turn_points(points, angle)[0] @ pose_features(turn_cameras(pose, angle))[0, 0, :3]
    assert torch.allclose(before, after, atol=1e-4)


def test_turns_are_rotations_about_up() -> None:
    matrix = about_up(torch.tensor([torch.pi / 2]))[0]
    assert torch.allclose(matrix @ torch.tensor([0.0, 0.0, 1.0]), torch.tensor([1.0, 0.0, 0.0]), atol=1e-6)
    assert torch.allclose(matrix @ torch.tensor([0.0, 1.0, 0.0]), torch.tensor([0.0, 1.0, 0.0]), atol=1e-6)
    assert torch.linalg.det(matrix) == pytest.approx(1.0, abs=1e-6)


def test_views_do_not_see_one_another() -> None:
    model = predictor()
    tokens, pose, colour = torch.randn(2, 16, 32), torch.randn(2, 5, 6), torch.rand(2, 5, 6)
    together = model(tokens, pose, colour)
    assert together.shape == (2, 5, 12)
    alone = model(tokens, pose[:, 3:4], colour[:, 3:4])
    assert torch.allclose(together[:, 3:4], alone, atol=1e-5)


@pytest.mark.parametrize(
    ("conditioning", "hears_pose", "hears_colour"),
    [("none", False, False), ("pose", True, False), ("colour", False, True), ("both", True, True)],
)
def test_the_predictor_hears_what_it_is_told(conditioning: str, hears_pose: bool, hears_colour: bool) -> None:
    model = predictor(conditioning)
    tokens, pose, colour = torch.randn(1, 16, 32), torch.randn(1, 2, 6), torch.rand(1, 2, 6)
    same = model(tokens, pose, colour)
    assert torch.equal(same, model(tokens, pose + 1, colour)) is not hears_pose
    assert torch.equal(same, model(tokens, pose, colour + 1)) is not hears_colour


@pytest.mark.parametrize(
    ("cloud", "said"),
    [
        (torch.zeros(64, 3), r"must be \(B, N, 3\).*not \(64, 3\)"),
        (torch.zeros(2, 64, 6), r"must be \(B, N, 3\)"),
        (torch.zeros(2, 8, 3), "N of 32 at least"),
        (torch.full((1, 64, 3), 5.0), "unit sphere"),
        (torch.full((1, 64, 3), float("nan")), "must be finite"),
    ],
)
def test_features_refuse_clouds_that_they_were_not_made_for(cloud: torch.Tensor, said: str) -> None:
    encoder = build("tiny", 8, 6, "both").encoder
    with pytest.raises(ValueError, match=said):
        encoder.features(cloud)
