"""Backbones of the timm library by name: built, sized, and where their pretrained weights come from.

The only file that knows timm and torchvision.  They are imported when a backbone is asked for: that takes two
CPU-seconds, which no other training shall pay.
"""

import difflib
import importlib
import sys
import urllib.error
import urllib.request
import warnings
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

ANSWER_S = 3.0  # for the weights' host to answer; its own client retries for 47 s where there is no network
CLOSE = 4  # known names that are named beside an unknown one
FILES = ("model.safetensors", "pytorch_model.bin")  # in this order, as the hub keeps them
_keep: list[torch.library.Library] = []  # operators live as long as their library object


class NoBackbone(ValueError):
    """There is no such backbone, here or at this size; the message says what there is."""


class NoWeights(Exception):
    """Weights cannot be had or do not fit; the message says where they could be put."""


def build_timm(name: str, resolution: int, generator: torch.Generator) -> tuple[nn.Module, int]:
    """Return a backbone without its head, and how many channels it gives: pictures (B, 3, R, R) -> (B, D).

    Its weights are random, drawn from the generator; torch's own generator is left as it was.
    Raises NoBackbone.
    """
    timm = _timm()
    _check_name(timm, name)
    size = {"img_size": resolution} if timm.get_pretrained_cfg(name).fixed_input_size else {}
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what timm deprecates within itself
        torch.manual_seed(int(torch.randint(2**63 - 1, (), generator=generator)))
        try:
            features = timm.create_model(name, num_classes=0, **size)
            with torch.no_grad():
                given = features.eval()(torch.zeros(1, 3, resolution, resolution))
        except Exception as error:  # each family refuses a size with another kind of error
            raise NoBackbone(
                f"timm:{name} does not take pictures of {resolution} pixels a side: {_first_line(error)}"
            ) from error
    if given.ndim != 2:
        raise NoBackbone(f"timm:{name} gives no vector for a picture, but a tensor {tuple(given.shape)}.")
    return features.train(), given.shape[1]


def moments(name: str) -> tuple[Tensor, Tensor]:
    """Return mean and deviation per channel, (3,) each in [0, 255], that the pretrained weights expect."""
    timm = _timm()
    _check_name(timm, name)
    told = timm.get_pretrained_cfg(name)
    return torch.tensor(told.mean) * 255, torch.tensor(told.std) * 255


def side(name: str) -> int:
    """Return the side of the pictures that the pretrained weights expect, in pixels."""
    timm = _timm()
    _check_name(timm, name)
    return int(timm.get_pretrained_cfg(name).input_size[1])


def fetch(name: str) -> Path:
    """Return the file of the backbone's pretrained weights: from the hub's cache, or fetched into it.

    Raises NoWeights within a few seconds where the hub does not answer.
    """
    timm = _timm()
    _check_name(timm, name)
    source = timm.get_pretrained_cfg(name).hf_hub_id if timm.is_model_pretrained(name) else None
    if not source:
        raise NoWeights(f"timm:{name} has no pretrained weights; leave weights empty or name a file of them.")
    hub = importlib.import_module("huggingface_hub")
    importlib.import_module("huggingface_hub.constants")
    kept = [hub.try_to_load_from_cache(source, file) for file in FILES]
    cached = [path for path in kept if isinstance(path, str)]
    try:
        return Path(cached[0]) if cached else _download(hub, source)
    except Exception as error:  # the client's errors are many, and all mean the same here
        raise NoWeights(
            f"The pretrained weights of timm:{name} could not be fetched from {hub.constants.ENDPOINT}"
            f" ({_first_line(error)}). On a machine that reaches it, fetch {FILES[0]} of {source}; then name"
            f" that file as the recipe's weights, or copy that machine's {hub.constants.HF_HUB_CACHE} to"
            " this one."
        ) from error


def _download(hub: ModuleType, source: str) -> Path:
    """Fetch the first of FILES that the hub has."""
    _knock(hub.constants.ENDPOINT)
    for file in FILES[:-1]:
        try:
            return Path(hub.hf_hub_download(source, file, etag_timeout=ANSWER_S))
        except hub.errors.EntryNotFoundError:
            continue
    return Path(hub.hf_hub_download(source, FILES[-1], etag_timeout=ANSWER_S))


def _knock(address: str) -> None:
    """Raise OSError where nobody answers; a proxy of the environment is asked like any client would."""
    request = urllib.request.Request(address, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=ANSWER_S).close()
    except urllib.error.HTTPError:  # an answer all the same
        return


def _check_name(timm: ModuleType, name: str) -> None:
    base, _, tag = name.partition(".")
    known = timm.list_models()
    if base not in known:
        close = difflib.get_close_matches(base, known, CLOSE, cutoff=0.0)
        raise NoBackbone(f"timm knows no backbone {base!r}; the nearest names are {', '.join(close)}.")
    tags = [found.partition(".")[2] for found in timm.list_pretrained(f"{base}.*")]
    if tag and tag not in tags:
        raise NoBackbone(f"timm:{base} has no weights named {tag!r}; there are: {', '.join(tags) or 'none'}.")


def _timm() -> ModuleType:
    """Import timm with the torchvision that it needs; raises NoBackbone where one of them is missing."""
    try:
        _import_torchvision()
        return importlib.import_module("timm")
    except ImportError as missing:
        raise NoBackbone(
            f"A timm: network needs the packages timm and torchvision, and {missing.name or missing} is not"
            " here; pip install -r requirements.txt brings both."
        ) from missing


def _import_torchvision() -> None:
    """Import torchvision, also where its compiled part does not load.

    Its usual wheel is built for CUDA.  Beside a CPU-only torch that part does not load, and the import ends
    at "operator torchvision::nms does not exist": then its operators are declared; nothing here calls them.
    """
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]  # half a package
        library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]  # kept alive below
        for operator in ("nms", "qnms"):
            library.define(operator + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # type: ignore[no-untyped-call]
        _keep.append(library)
        importlib.import_module("torchvision")


def _first_line(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error  # urllib wraps what it met
    return (str(reason).splitlines() or [type(error).__name__])[0].rstrip(".")


def resized_positions(given: Tensor, features: nn.Module) -> Tensor | None:
    """Return a transformer's position embeddings for the size of `features`; None where there is no way."""
    grid = getattr(getattr(features, "patch_embed", None), "grid_size", None)
    if grid is None or given.ndim != 3:
        return None
    layers = importlib.import_module("timm.layers")
    prefix = getattr(features, "num_prefix_tokens", 1)
    try:
        resized: Tensor = layers.resample_abs_pos_embed(given, new_size=list(grid), num_prefix_tokens=prefix)
    except (RuntimeError, ValueError):  # no square grid
        return None
    return resized
