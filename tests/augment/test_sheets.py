import io

import numpy as np
from PIL import Image

from augment import sheets

ORIGINALS = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)


def sheet(side=8):
    png = sheets.draw(ORIGINALS, [255 - ORIGINALS, ORIGINALS // 2], side)
    return np.asarray(Image.open(io.BytesIO(png)))


def test_nothing_is_drawn_between_the_cells():
    drawn = sheet()
    assert not drawn[8 : 8 + sheets.GAP].any()
    assert not drawn[:, 8 : 8 + sheets.MARGIN].any()


def test_originals_stand_left_and_copies_right_of_them_pixel_by_pixel():
    drawn = sheet()
    assert drawn.shape == (2 * 8 + sheets.GAP, 3 * 8 + sheets.MARGIN + sheets.GAP, 4)
    assert np.array_equal(drawn[:8:2, :8:2, :3], ORIGINALS[0])
    assert np.array_equal(drawn[12::2, 24:32:2, :3], 255 - ORIGINALS[1])
    assert np.array_equal(drawn[1:8:2, 37::2, :3], ORIGINALS[0] // 2)


def test_pictures_larger_than_a_cell_keep_their_size():
    assert sheet(side=3).shape[0] == 2 * 4 + sheets.GAP
