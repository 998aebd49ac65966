import dataclasses

import pytest
import torch

from trainer.engine import fits
from trainer.engine.fits import DoesNotFit, Fits
from trainer.engine.recipe import Recipe

RECIPE = Recipe()


def test_what_does_not_fit_one_picture_at_a_time_ends_in_a_sentence():
    with pytest.raises(DoesNotFit, match=r"does not fit into the memory of cuda:0.*cnn of width 8 at 32 pix"):
        fits.halved(16, 16, RECIPE, "cuda:0")


def test_another_error_is_no_lack_of_memory():
    assert not fits.is_out_of_memory(RuntimeError("shapes do not fit"))
    assert not fits.is_out_of_memory(
        RuntimeError("could not create a primitive descriptor for a convolution")
    )


@pytest.mark.parametrize("damaged", ["", "{", "[1]"])
def test_a_damaged_note_is_as_good_as_none(tmp_path, damaged):
    (tmp_path / "fits.json").write_text(damaged)
    assert Fits(tmp_path / "fits.json").recall(RECIPE, "cpu") == 1


def test_what_fitted_is_remembered_for_this_recipe_and_device_alone(tmp_path):
    Fits(tmp_path / "fits.json").remember(RECIPE, "cuda:0", 4)
    again = Fits(tmp_path / "fits.json")
    assert again.recall(RECIPE, "cuda:0") == 4
    assert again.recall(RECIPE, "cpu") == 1
    assert again.recall(dataclasses.replace(RECIPE, batch=64), "cuda:0") == 1


def test_halves_end_at_single_pictures():
    pieces, seen = 1, []
    while pieces < 10:
        pieces = fits.halved(pieces, 10, RECIPE, "cpu")
        seen.append(pieces)
    assert seen == [2, 4, 8, 10]


def test_torchs_own_words_are_understood():
    with pytest.raises(RuntimeError) as found:
        torch.empty(2**60)
    assert fits.is_out_of_memory(found.value)
    assert fits.is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert fits.is_out_of_memory(MemoryError())
    assert fits.is_out_of_memory(RuntimeError("could not create a primitive\n"))
