import dataclasses

import numpy as np
import pytest
import torch

from augment import two_views
from augment.two_views import ViewSpec

STILL = ViewSpec(
    smallest=1.0,
    stretch=1.0,
    flip=False,
    brightness=0.0,
    contrast=0.0,
    saturation=0.0,
    hue=0.0,
    gray_share=0.0,
    blur=0.0,
)
NOISE = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (40, 12, 10, 3), dtype=np.uint8))
SLOPE = torch.arange(16.0).expand(64, 16, 16)[..., None].expand(64, 16, 16, 3) * 16  # brighter to the right


def view(images, seed=0, **changes):
    spec = dataclasses.replace(STILL, **changes)
    return two_views.view(images, spec, torch.Generator().manual_seed(seed))


# --- what must not happen


def test_pictures_in_another_order_are_refused():
    with pytest.raises(ValueError, match=r"images must be \(B, H, W, 3\), got \(40, 3, 12, 10\)"):
        view(NOISE.permute(0, 3, 1, 2))


def test_the_pictures_and_torchs_generator_are_left_alone():
    kept, before = NOISE.clone(), torch.random.get_rng_state()
    two_views.view(NOISE, two_views.SPEC, torch.Generator().manual_seed(0))
    assert torch.equal(NOISE, kept)
    assert torch.equal(torch.random.get_rng_state(), before)


# --- invariant


def test_nothing_asked_for_changes_nothing():
    torch.testing.assert_close(view(NOISE), NOISE.float(), atol=1e-2, rtol=0)


def test_every_view_stays_in_range_and_differs():
    changed = two_views.view(NOISE, two_views.SPEC, torch.Generator().manual_seed(0))
    assert (changed.shape, changed.dtype) == (NOISE.shape, torch.float32)
    assert changed.min() >= 0
    assert changed.max() <= 255
    assert (changed - NOISE).abs().flatten(1).mean(1).min() > 1


def test_gray_keeps_the_luma_and_loses_the_color():
    gray = view(NOISE, gray_share=1.0)
    luma = NOISE.float() @ torch.tensor(two_views.LUMA)
    torch.testing.assert_close(gray, luma[..., None].expand_as(gray), atol=1e-2, rtol=1e-4)


def test_hue_and_saturation_leave_the_luma():
    soft = 100 + NOISE / 10  # so that no channel is cut off
    changed = view(soft, hue=0.5, saturation=0.5, color_share=1.0)
    luma = torch.tensor(two_views.LUMA)
    torch.testing.assert_close(changed @ luma, soft @ luma, atol=0.1, rtol=0)
    assert (changed - soft).abs().mean() > 1


def test_a_flip_mirrors_every_second_picture():
    flipped = view(SLOPE, flip=True)[:, 0, 0, 0] > 128
    assert 20 < int(flipped.sum()) < 44
    torch.testing.assert_close(view(SLOPE, flip=True)[flipped], SLOPE.flip(2)[flipped], atol=1e-2, rtol=0)


def test_a_crop_shows_at_least_the_smallest_share():
    shown = view(SLOPE, smallest=0.25, stretch=1.0)[:, 0, :, 0]
    seen = (shown[:, -1] - shown[:, 0]) / (SLOPE[0, 0, -1, 0] - SLOPE[0, 0, 0, 0])
    assert seen.min() > 0.4  # a quarter of the area is half of the side, less what lies between two pixels
    assert seen.max() < 1.01
    assert seen.std() > 0.1


def test_a_blur_keeps_the_mean_of_a_flat_picture_and_softens_noise():
    flat = torch.full((8, 9, 9, 3), 77.0)
    torch.testing.assert_close(view(flat, blur=2.0), flat, atol=1e-2, rtol=0)
    softened = view(NOISE, blur=2.0).flatten(1).std(1) / NOISE.float().flatten(1).std(1)
    assert 10 < int((softened < 0.9).sum()) < 30  # every second one


# --- determinism


def test_the_generator_decides():
    one, same, other = (
        two_views.view(NOISE, two_views.SPEC, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_gives_the_same_views():
    here, there = (
        two_views.view(NOISE.to(device), two_views.SPEC, torch.Generator().manual_seed(1)).cpu()
        for device in ("cpu", "cuda")
    )
    torch.testing.assert_close(here, there, atol=0.1, rtol=0)
