import pytest
import torch

from trainer.engine import device
from trainer.engine.device import Device

SECONDS = {(True, True): 1.0, (True, False): 1.5, (False, True): 2.0, (False, False): 1.9}


def by_the_table(bf16, channels_last):
    return SECONDS[bf16, channels_last]


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


@pytest.mark.parametrize(
    ("precision", "able", "expected"),
    [
        ("auto", {"avx512_bf16": True}, Device("cpu", "bf16", channels_last=True)),
        ("auto", {}, Device("cpu", "fp32", channels_last=False)),
        ("fp32", {"avx512_bf16": True}, Device("cpu", "fp32", channels_last=False)),
        ("bf16", {}, Device("cpu", "bf16", channels_last=True)),
    ],
)
def test_the_probe_takes_what_is_fastest(precision, able, expected):
    assert device.probe(precision, able, by_the_table) == expected


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("channels_last", [False, True])
def test_the_clock_itself_runs(bf16, channels_last):
    assert device._convolution_s(bf16, channels_last) > 0


def test_what_the_probe_found_once_stays(tmp_path):
    memory = tmp_path / "cache/device.json"
    first = device.pick("auto", memory=memory)
    other = {"fp32": "bf16", "bf16": "fp32"}[first.precision]
    memory.write_text(memory.read_text().replace(f'"{first.precision}"', f'"{other}"'))
    assert device.pick("auto", memory=memory).precision == other
    memory.write_text("{")
    assert device.pick("fp32", memory=memory).precision == "fp32"


def test_a_receipt_names_the_device():
    assert Device("cpu", "fp32").describe().startswith("cpu ")
    assert Device("cpu", "fp32").describe().endswith(", fp32, channels last")
