from dataclasses import replace

import numpy as np
import pytest
import torch

from augment import batch_specs, transforms
from augment.batch_specs import SHIFT, SHIFT_FLIP, STRONG, TRIVIAL, BatchSpec
from augment.transforms import Changes

RNG = np.random.default_rng(0)
IMAGES = torch.from_numpy(RNG.integers(0, 256, (40, 16, 16, 3), dtype=np.uint8))
NOTHING = BatchSpec("nothing", "")
every_policy = pytest.mark.parametrize("spec", batch_specs.NAMED.values(), ids=batch_specs.NAMED)
strengths = pytest.mark.parametrize("name", [*batch_specs.FINE, "erase"])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def drawn(spec, count=20_000, side=32, seed=0):
    return transforms.draw(spec, count, side, generator(seed))


def changes(count, **given):
    return Changes(torch.zeros(count, dtype=torch.int64), 0, 1, **given)


def only(name, value, images=IMAGES):
    """Return the pictures with one change of this strength."""
    spec = replace(NOTHING, **{name: 1.0})
    fine = {name: torch.full((len(images),), value)}
    return transforms.change(images, spec, changes(len(images), fine=fine))


def cropped(image, down, right, flip, reach):
    """Mirror, pad by reflection, cut out: in plain numpy."""
    image = image[:, ::-1] if flip else image
    padded = np.pad(image, ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    top, left = reach + down, reach + right
    return padded[top : top + image.shape[0], left : left + image.shape[1]]


# --- what must not happen


def test_a_policy_of_no_strength_changes_nothing():
    assert torch.equal(transforms.apply(IMAGES, NOTHING, generator()), IMAGES)


@strengths
def test_a_change_of_strength_0_changes_nothing(name):
    spec = replace(NOTHING, **{name: 1e-9})
    assert torch.allclose(transforms.apply(IMAGES, spec, generator()).float(), IMAGES.float(), atol=0.02)


@every_policy
def test_the_pictures_given_stay_as_they_were(spec):
    before = IMAGES.clone()
    transforms.apply(IMAGES, spec, generator())
    assert torch.equal(IMAGES, before)


@every_policy
def test_only_the_generator_decides(spec):
    torch.manual_seed(1)
    first = transforms.apply(IMAGES, spec, generator(3))
    torch.manual_seed(2)
    assert torch.equal(transforms.apply(IMAGES, spec, generator(3)), first)
    assert not torch.equal(transforms.apply(IMAGES, spec, generator(4)), first)


# --- what must happen


@every_policy
@pytest.mark.parametrize("count", [1, 40])
def test_shape_and_range_stay(spec, count):
    out = transforms.apply(IMAGES[:count], spec, generator())
    assert out.shape == (count, 16, 16, 3)
    assert out.dtype == (torch.float32 if spec.drawn else torch.uint8)
    assert out.is_contiguous()
    assert ((out >= 0) & (out <= 255)).all()


def test_moves_and_mirrors_are_those_of_plain_numpy_to_the_byte():
    made = transforms.draw(SHIFT_FLIP, 40, 16, generator())
    out = transforms.change(IMAGES, SHIFT_FLIP, made)
    given = zip(IMAGES.numpy(), *made.move.tolist(), made.flip.tolist(), strict=True)
    assert np.array_equal(out, [cropped(*one, reach=2) for one in given])


def test_sampling_agrees_with_the_gather_where_nothing_turns():
    made = transforms.draw(SHIFT_FLIP, 40, 16, generator())
    turned = replace(made, fine={"rotate": torch.zeros(40)})
    exact = transforms.change(IMAGES, SHIFT_FLIP, made)
    assert torch.allclose(transforms.change(IMAGES, SHIFT_FLIP, turned), exact.float(), atol=0.02)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_are_exact(quarters):
    out = only("rotate", 90.0 * quarters)
    assert torch.allclose(out, IMAGES.rot90(quarters, (1, 2)).float(), atol=0.1)


def test_growing_shows_the_middle():
    ramp = torch.arange(16.0).expand(1, 16, 16)[..., None].expand(1, 16, 16, 3).contiguous()
    middle = 7.5 + (torch.arange(16.0) - 7.5) / 1.5
    assert torch.allclose(only("scale", 0.5, ramp.byte())[0, 4, :, 1], middle, atol=1e-4)


def test_brightness_adds_a_share_of_the_range():
    assert torch.allclose(only("brightness", 0.2), (IMAGES.float() + 51).clamp(max=255))


def test_contrast_stretches_about_the_mean():
    calm = (IMAGES // 4 + 90).float()
    out = only("contrast", 0.5, calm.byte())
    assert torch.allclose(out.mean((1, 2, 3)), calm.mean((1, 2, 3)), atol=1e-3)
    assert torch.allclose(out.std((1, 2, 3)), 1.5 * calm.std((1, 2, 3)), rtol=1e-4)


def test_no_saturation_is_gray_as_bright_as_before():
    out = only("saturation", -1.0)
    luma = (IMAGES.float() * torch.tensor(transforms.LUMA)).sum(3)
    assert torch.allclose(out, luma[..., None].expand(out.shape), atol=1e-3)


@pytest.mark.parametrize("side", [8, 9])
def test_light_in_one_product_is_that_of_three_steps(side):
    """Reference: the definition, one change after another, in double precision."""
    fine = {name: value.double() for name, value in drawn(STRONG, count=40).fine.items()}
    spec = replace(STRONG, rotate=0.0, scale=0.0, erase=0.0)
    out = transforms.recolor(IMAGES[:, :side, :side], spec, changes(40, fine=drawn(STRONG, count=40).fine))
    x = IMAGES[:, :side, :side].double()
    brightness, contrast, saturation = (fine[name][:, None, None, None] for name in transforms.LIGHT)
    x = x + 255 * brightness
    mean = x.mean((1, 2, 3), keepdim=True)
    x = mean + (x - mean) * (1 + contrast)
    gray = (x * x.new_tensor(transforms.LUMA)).sum(3, keepdim=True)
    x = (gray + (x - gray) * (1 + saturation)).clamp(0, 255)
    torch.testing.assert_close(out.double(), x, rtol=0, atol=2e-4)
    assert (x == 0).any()
    assert (x == 255).any()


def test_the_erased_square_takes_the_mean_color_and_may_hang_over_the_edge():
    corner = torch.tensor([[3, -2], [5, 14]])
    out = transforms.change(IMAGES[:2], replace(NOTHING, erase=0.25), changes(2, erase=corner))
    expected = IMAGES[:2].clone()
    mean = expected.float().mean((1, 2)).round().byte()
    expected[0, 3:7, 5:9] = mean[0]
    expected[1, :2, 14:] = mean[1]
    assert torch.equal(out, expected)


def test_half_are_mirrored_and_moves_are_uniform_within_their_bounds():
    made = drawn(SHIFT_FLIP)
    assert abs(made.flip.float().mean() - 0.5) < 0.015  # 4 standard errors
    shares = torch.bincount(made.move.flatten() + 4) / 40_000
    assert len(shares) == 9
    assert (shares - 1 / 9).abs().max() < 0.0063
    assert abs(np.corrcoef(made.move)[0, 1]) < 0.03


def test_without_flip_none_is_mirrored():
    assert not drawn(SHIFT).flip.any()


@pytest.mark.parametrize("name", batch_specs.FINE)
def test_strengths_are_uniform_within_their_bounds(name):
    value, bound = drawn(STRONG).fine[name], getattr(STRONG, name)
    assert value.abs().max() <= bound
    assert abs(value.mean()) < 0.03 * bound
    assert abs(value.std() - bound / 3**0.5) < 0.02 * bound


def test_a_single_change_a_picture_or_none():
    used = torch.stack([value != 0 for value in drawn(TRIVIAL).fine.values()])
    assert used.sum(0).max() == 1
    assert (used.float().mean(1) - 1 / 6).abs().max() < 0.012
    assert abs((~used.any(0)).float().mean() - 1 / 6) < 0.012


def test_erased_squares_lie_anywhere():
    corner = drawn(STRONG, side=16).erase
    assert (corner.min(), corner.max()) == (-2, 13)


def test_a_copy_is_uint8_and_decided_by_seed_and_number():
    first = transforms.copy_of(STRONG, IMAGES.numpy(), seed=5, copy=0)
    assert (first.dtype, first.shape) == (np.uint8, IMAGES.shape)
    assert np.array_equal(transforms.copy_of(STRONG, IMAGES.numpy(), seed=5, copy=0), first)
    assert not np.array_equal(transforms.copy_of(STRONG, IMAGES.numpy(), seed=5, copy=1), first)
    assert not np.array_equal(transforms.copy_of(STRONG, IMAGES.numpy(), seed=6, copy=0), first)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="No CUDA device: changes there were not compared.")
@every_policy
def test_the_gpu_changes_them_alike(spec):
    there = transforms.apply(IMAGES.cuda(), spec, generator())
    assert torch.allclose(there.cpu().float(), transforms.apply(IMAGES, spec, generator()).float(), atol=0.5)
