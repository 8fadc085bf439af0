"""The networks: shapes, sizes, and what must not change their answer."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from crossjepa.model.encoder import CENTRE_SCALE, OFFSET_SCALE, EncoderConfig, PointEncoder
from crossjepa.model.frames import (
    about_up,
    any_rotation,
    move_cameras,
    normalise,
    rotate,
    rotate_cameras,
    towards_camera,
)
from crossjepa.model.grouping import farthest_points, group, patches, take
from crossjepa.model.imagine import Imagination, ring
from crossjepa.model.predictor import PredictorConfig, ViewPredictor, pose_features
from crossjepa.model.sizes import CrossJEPA, build
from crossjepa.model.transformer import Attention, parameters

SMALL = EncoderConfig(dim=32, depth=2, heads=4, patch_widths=(16, 24, 32), groups=16, group_size=8)


@pytest.fixture
def encoder() -> PointEncoder:
    torch.manual_seed(0)
    return PointEncoder(SMALL).eval()


def cloud(seed: int, batch: int = 2, points: int = 256) -> torch.Tensor:
    return normalise(torch.randn(batch, points, 3, generator=torch.Generator().manual_seed(seed)))[0]


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


@pytest.mark.parametrize("training", [True, False])
def test_patches_are_embedded_as_point_bert_describes(encoder: PointEncoder, training: bool) -> None:
    embed = encoder.embed
    offsets = 0.1 * torch.randn(2, 16, 8, 3, generator=torch.Generator().manual_seed(0))
    with torch.set_grad_enabled(training):
        points = embed.point(OFFSET_SCALE * offsets)
        patch = points.max(2, keepdim=True).values.expand_as(points)
        weight = torch.cat([embed.shared.weight, embed.local.weight], dim=1)
        mixed = F.linear(torch.cat([patch, points], dim=-1), weight, embed.shared.bias).max(2).values
        expected = embed.out(torch.relu(embed.norm(mixed)))
        assert torch.allclose(embed(offsets), expected, atol=1e-5)


UNIT = st.floats(0, 0.999)


def rotations(kind: str, chance: list[float]) -> torch.Tensor:
    drawn = torch.tensor([chance])
    return about_up(20 * drawn[:, 0] - 10) if kind == "up" else any_rotation(drawn)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["up", "so3"]), st.tuples(UNIT, UNIT, UNIT), st.floats(-3, 3), st.floats(-1.5, 1.5))
def test_rotating_cloud_and_cameras_together_leaves_the_problem_unchanged(
    kind: str, chance: tuple[float, float, float], azimuth: float, elevation: float
) -> None:
    """What a camera sees follows from the points' coordinates along its own axes."""
    rotation = rotations(kind, list(chance))
    pose = torch.tensor([[[azimuth, elevation, 2.5, 0.0, 1.0, 0.0]]])
    points = cloud(7, batch=1)

    def seen(points: torch.Tensor, pose: torch.Tensor) -> torch.Tensor:
        features = pose_features(pose)[0, 0]
        towards, up = features[:3], features[4:]
        return points[0] @ torch.stack([towards, up, torch.linalg.cross(up, towards)], dim=1)

    turned = rotate_cameras(pose, rotation)
    assert torch.allclose(seen(points, pose), seen(rotate(points, rotation), turned), atol=1e-3)
    assert torch.allclose(turned[..., 2], pose[..., 2])


def test_any_rotation_is_a_rotation_and_reaches_everywhere() -> None:
    rotations = any_rotation(torch.rand(4000, 3, generator=torch.Generator().manual_seed(0)))
    assert torch.allclose(rotations @ rotations.transpose(1, 2), torch.eye(3).expand(4000, 3, 3), atol=1e-5)
    assert torch.allclose(torch.linalg.det(rotations), torch.ones(4000), atol=1e-4)
    assert rotations.mean(0).abs().max() < 0.05, "uniform over SO(3): no direction is preferred"


def test_about_up_turns_z_to_x() -> None:
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
    ("conditioning", "uses_pose", "uses_colour"),
    [("none", False, False), ("pose", True, False), ("colour", False, True), ("both", True, True)],
)
def test_conditioning_decides_what_the_predictor_depends_on(
    conditioning: str, uses_pose: bool, uses_colour: bool
) -> None:
    model = predictor(conditioning)
    tokens, pose, colour = torch.randn(1, 16, 32), torch.randn(1, 2, 6), torch.rand(1, 2, 6)
    same = model(tokens, pose, colour)
    assert torch.equal(same, model(tokens, pose + 1, colour)) is not uses_pose
    assert torch.equal(same, model(tokens, pose, colour + 1)) is not uses_colour


@pytest.mark.parametrize(
    ("cloud", "message"),
    [
        (torch.zeros(3, 64), r"must be \(B, N, 3\) or \(N, 3\).*not \(3, 64\)"),
        (torch.zeros(1, 1, 64, 3), r"must be \(B, N, 3\)"),
        (torch.zeros(2, 64, 6), r"must be \(B, N, 3\)"),
        (torch.zeros(2, 8, 3), "N at least 32"),
        (torch.full((1, 64, 3), 5.0), "unit sphere"),
        (torch.full((1, 64, 3), float("nan")), "must be finite"),
    ],
)
def test_unsuitable_clouds_are_refused(cloud: torch.Tensor, message: str) -> None:
    encoder = build("tiny", 8, 6, "both").encoder
    with pytest.raises(ValueError, match=message):
        encoder.features(cloud)


def test_a_single_cloud_and_float64_are_taken(encoder: PointEncoder) -> None:
    batch = cloud(5)
    single = 3 + 2 * batch[0].double()
    normalised, centre, radius = normalise(single)
    assert (normalised.shape, centre.shape, radius.shape) == ((256, 3), (3,), ())
    assert torch.allclose(normalised.float(), batch[0], atol=1e-5)
    assert torch.allclose(encoder.features(normalised), encoder.features(batch)[0], atol=1e-4)
    assert torch.allclose(encoder.tokens(normalised), encoder.tokens(batch)[0], atol=1e-4)
    assert encoder.features(batch.double()).dtype == torch.float32


def test_a_cloud_in_map_coordinates_keeps_its_shape_in_float64() -> None:
    points = cloud(5)
    far = points.double() + torch.tensor([500_000.0, 5_400_000.0, 300.0])
    assert torch.allclose(normalise(far)[0].float(), points, atol=1e-5)


def test_imagination_is_the_mean_over_a_ring_of_views() -> None:
    model, tokens = predictor(), torch.randn(3, 16, 32)
    colour, mean, std = torch.rand(6), torch.zeros(12), torch.ones(12)
    imagination = Imagination(model, ring(0.4, 2.5), colour, mean, std).eval()
    views = [model(tokens, pose.expand(3, 1, 6), colour.expand(3, 1, 6)) for pose in ring(0.4, 2.5)]
    assert torch.allclose(imagination(tokens), torch.cat(views, dim=1).mean(1), atol=1e-5)


def test_an_imagined_ring_stays_the_same_when_the_object_turns_by_a_step_of_it() -> None:
    turned = rotate_cameras(ring(0.4, 2.5)[None], about_up(torch.tensor([torch.pi / 4])))[0]
    assert torch.allclose(pose_features(turned), pose_features(ring(0.4, 2.5)).roll(-1, dims=0), atol=1e-5)


def test_an_object_that_skips_every_branch_keeps_its_input_and_no_other_changes(
    encoder: PointEncoder,
) -> None:
    model, points = CrossJEPA(encoder, predictor()), cloud(9)
    cut, views = patches(points, *group(points, 16, 8)), (torch.rand(2, 3, 6), torch.rand(2, 3, 6))
    plain, tokens = model(*cut, *views)
    scales = torch.ones(2, model.branches)
    assert model.branches == 2 * (2 + 2)
    assert torch.equal(model(*cut, *views, scales)[0], plain)
    scales[0, :4] = 0  # the encoder's
    partly, skipped = model(*cut, *views, scales)
    entered = encoder.embed(cut[0]) + encoder.position(CENTRE_SCALE * cut[1])
    assert torch.allclose(skipped[0], encoder.norm(entered)[0], atol=1e-5)
    assert torch.equal(skipped[1], tokens[1])
    assert torch.equal(partly[1], plain[1])
    for branch in range(model.branches):
        scales = torch.ones(2, model.branches).index_fill(1, torch.tensor([branch]), 0)
        assert not torch.allclose(model(*cut, *views, scales)[0], plain, atol=1e-5), branch


def test_normalising_fills_the_unit_sphere_and_can_be_undone() -> None:
    points = 5 + 2 * torch.randn(4, 100, 3, generator=torch.Generator().manual_seed(0))
    clouds, centre, radius = normalise(points)
    assert torch.allclose(clouds.mean(1), torch.zeros(4, 3), atol=1e-5)
    assert torch.allclose(clouds.norm(dim=-1).amax(1), torch.ones(4), atol=1e-5)
    assert torch.allclose(clouds * radius[:, None, None] + centre[:, None], points, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(-3, 3), st.floats(-1.4, 1.4))
def test_a_moved_camera_stands_at_the_same_place_beside_a_lopsided_cloud(
    seed: int, azimuth: float, elevation: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(1, 200, 3, generator=generator).pow(3) - 0.2
    pose = torch.tensor([[[azimuth, elevation, 2.5, 0.0, 1.0, 0.0]]])
    clouds, centre, radius = normalise(points)
    moved = move_cameras(pose, centre, radius)
    before = pose[..., 2:3] * towards_camera(pose) - points
    after = moved[..., 2:3] * towards_camera(moved) - clouds
    assert torch.allclose(after * radius, before, atol=1e-4), "the same rays from camera to points"
    assert torch.equal(moved[..., 3:], pose[..., 3:])
    still = move_cameras(pose, torch.zeros(1, 3), torch.ones(1))
    assert torch.allclose(pose_features(still), pose_features(pose), atol=1e-5)


@pytest.mark.parametrize("heads", [2, 4])
def test_attention_agrees_with_torchs_own(heads: int) -> None:
    torch.manual_seed(0)
    ours, theirs = Attention(16, heads), torch.nn.MultiheadAttention(16, heads, batch_first=True)
    theirs.in_proj_weight.data = torch.cat([ours.query.weight, ours.key_value.weight])
    theirs.in_proj_bias.data = torch.cat([ours.query.bias, ours.key_value.bias])
    theirs.out_proj.load_state_dict(ours.out.state_dict())
    queries, context = torch.randn(2, 5, 16), torch.randn(2, 7, 16)
    assert torch.allclose(ours(queries, context), theirs(queries, context, context)[0], atol=1e-5)
