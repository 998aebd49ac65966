import pytest
import torch

from trainer.engine import device
from trainer.engine.device import Device


def test_one_thread_unless_more_are_asked_for():
    device.pick("fp32", threads=2)
    device.pick("fp32")
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_chosen_precision_is_kept(precision):
    assert device.pick(precision).precision == precision


def test_bf16_is_not_even_tried_without_instructions_for_it():
    assert not device.bf16_pays({"avx2": True, "avx512_bf16": False}, lambda bf16: pytest.fail("timed"))


@pytest.mark.parametrize(("bf16_s", "pays"), [(0.5, True), (0.9, False)])
def test_where_there_are_the_clock_decides(bf16_s, pays):
    clock = {True: bf16_s, False: 1.0}
    assert device.bf16_pays({"avx512_bf16": True}, clock.__getitem__) is pays


@pytest.mark.parametrize("bf16", [False, True])
def test_the_clock_itself_runs(bf16):
    assert device._convolution_s(bf16) > 0


def test_a_receipt_names_the_device():
    assert Device("cpu", "fp32").describe().startswith("cpu ")
    assert Device("cpu", "fp32").describe().endswith(", fp32")
