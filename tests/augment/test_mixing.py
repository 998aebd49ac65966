import numpy as np
import pytest
import torch
from scipy import stats

from augment import mixing

IMAGES = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (30, 16, 16, 3), dtype=np.uint8))
TARGETS = torch.eye(30)  # every picture has a class of its own: a target says what it is mixed from
ways = pytest.mark.parametrize("mix", [mixing.mixup, mixing.cutmix])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def many(mix, alpha, count=4000, side=8):
    """Return the weight that each of many pictures keeps; pairs with itself left out."""
    images = torch.zeros(count, side, side, 3, dtype=torch.uint8)
    _, targets = mix(images, torch.eye(count), alpha, generator())
    kept = targets.diagonal()
    return kept[(targets > 0).sum(1) == 2].numpy()


@ways
def test_the_given_tensors_stay_as_they_were(mix):
    images, targets = IMAGES.clone(), TARGETS.clone()
    mix(images, targets, 1.0, generator())
    assert torch.equal(images, IMAGES)
    assert torch.equal(targets, TARGETS)


@ways
def test_only_the_generator_decides(mix):
    torch.manual_seed(1)
    np.random.default_rng()
    first = mix(IMAGES, TARGETS, 1.0, generator(2))
    torch.manual_seed(3)
    again = mix(IMAGES, TARGETS, 1.0, generator(2))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(mix(IMAGES, TARGETS, 1.0, generator(4))[0], first[0])


@ways
@pytest.mark.parametrize("alpha", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("count", [1, 30])
def test_rows_of_targets_sum_to_1_and_pictures_stay_in_range(mix, alpha, count):
    images, targets = mix(IMAGES[:count], TARGETS[:count], alpha, generator())
    assert images.shape == (count, 16, 16, 3)
    assert torch.allclose(targets.sum(1), torch.ones(count))
    assert (targets >= 0).all()
    assert ((images >= 0) & (images <= 255)).all()


@ways
def test_pictures_are_mixed_as_their_targets_say(mix):
    plain = torch.arange(30, dtype=torch.uint8)[:, None, None, None].expand(30, 16, 16, 3).contiguous()
    images, targets = mix(plain, TARGETS, 1.0, generator())
    assert torch.allclose(images.float().mean((1, 2, 3)), targets @ torch.arange(30.0), atol=1e-3)


def test_mixup_is_the_weighted_mean_of_two():
    images, targets = mixing.mixup(IMAGES, TARGETS, 1.0, generator())
    assert images.dtype == torch.float32
    assert torch.allclose(images.flatten(1), targets @ IMAGES.float().flatten(1), atol=1e-3)


def test_cutmix_pastes_one_box_and_keeps_uint8():
    images, targets = mixing.cutmix(IMAGES, TARGETS, 1.0, generator())
    assert images.dtype == torch.uint8
    pasted = (images != IMAGES).any(3)
    box = pasted.any(2, keepdim=True) & pasted.any(1, keepdim=True)
    assert torch.equal(pasted | box, box)
    shares = box.float().mean((1, 2))
    assert torch.allclose(1 - targets.diagonal(), shares, atol=1e-6)
    assert len(shares.unique()) > 10


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_mixup_draws_its_weights_from_beta(alpha):
    assert stats.kstest(many(mixing.mixup, alpha), stats.beta(alpha, alpha).cdf).pvalue > 0.01


def test_cutmix_keeps_more_than_its_draw_where_the_box_hangs_over_the_edge():
    kept = many(mixing.cutmix, 1.0, count=2000, side=32)
    assert 0.5 < kept.mean() < 0.75
