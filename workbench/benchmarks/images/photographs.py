"""Made-up pictures that cost a decoder what photographs do."""

import numpy as np
from numpy.typing import NDArray

FALL = (
    1.4  # strength ~ frequency ** -1.4: a JPEG of quality 90 then takes 2.7 bits a pixel, as photographs do
)
COLOR = 0.4  # strength of the colors beside the light


def photograph(width: int, height: int, seed: int) -> NDArray[np.uint8]:
    """Return noise (height, width, 3) whose strength falls with its frequency."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.rfftfreq(width)[None], np.fft.fftfreq(height)[:, None])
    strength = np.maximum(frequency, 1 / max(width, height)) ** -FALL
    waves = strength * np.exp(2j * np.pi * rng.random((4, *strength.shape)))
    light, *colors = np.fft.irfft2(waves, s=(height, width))
    noise = light[..., None] + COLOR * np.stack(colors, -1)
    pixels: NDArray[np.uint8] = np.clip(128 + 50 * noise / noise.std(), 0, 255).astype(np.uint8)
    return pixels
