"""Near-equal pictures: the same one re-encoded or resized, and photographs of one scene.

Two looks find the former: a 64-bit difference hash finds candidates fast; the pixels of small copies decide.
The second look is not optional: pictures of 8 x 8 pixels share hashes across classes.  A 256-bit difference
hash finds the latter, where a picture holds enough for it: see wide_hash.
Source of the hash: N. Krawetz, "Kind of Like That", hackerfactor.com, 2013.  Unlike there, a near hash makes
only a candidate.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 16  # pixels of the small copies that near_equal compares
NEAR_BITS = 7  # of 64.  Two hashes within 3 bits share one of 4 bands for sure, within 7 mostly
BANDS = 4
NEIGHBORS = 64  # compared with each hash of a band; bounds the work where thousands of pictures are blank
MAX_CONTRAST_PART = 0.1  # root mean square difference over the pictures' own contrast
MAX_LEVELS = 4.0  # and its bounds in levels of 256: at most this,
BLANK_LEVELS = 1.0  # and this for pictures without any contrast
PAIRS_AT_ONCE = 4096  # 50 MB of differences
WIDE = 16  # rows and columns of the wide hash
WIDE_NEAR_BITS = 16  # of 256
# Of 256 cells.  All 32 near pairs of TrashNet have 33 at most; of 214 pairs of clothes on black (the first
# 4,000 of Fashion-MNIST's test pictures), near by their plain background alone, all have 50 at least.
MAX_TIES = 40
CELLS_AT_ONCE = 2**20  # 8 MB of words


def difference_hash(picture: NDArray[np.uint8]) -> str:
    """Return 16 hex digits: for 8 x 8 cells of a picture (H, W, 3), made gray, is the next one brighter?"""
    gray = Image.fromarray(picture).convert("L").resize((9, 8), Image.Resampling.BOX)
    levels = np.asarray(gray, dtype=np.int16)
    return np.packbits(levels[:, 1:] > levels[:, :-1]).tobytes().hex()


def wide_hash(picture: Image.Image) -> str:
    """Return 64 hex digits: for 16 x 16 cells of a picture, made gray, is the next one to the right brighter?

    "" where it would say nothing: the picture has fewer pixels than that, or more than MAX_TIES neighbors are
    equal, as on plain backgrounds, which all look alike.
    """
    if min(picture.size) <= WIDE:
        return ""
    gray = picture.convert("L").resize((WIDE + 1, WIDE), Image.Resampling.LANCZOS)
    levels = np.asarray(gray, dtype=np.int16)
    if (levels[:, 1:] == levels[:, :-1]).sum() > MAX_TIES:
        return ""
    return np.packbits(levels[:, 1:] > levels[:, :-1]).tobytes().hex()


def wide_pairs(hashes: Sequence[str], is_new: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return all row pairs (P, 2), smaller row first, whose wide hashes are WIDE_NEAR_BITS apart or less.

    One of each pair is new; rows without a hash ("") have none.  Each new row meets all before it: 20,000 new
    ones take 0.8 s on one core.
    """
    rows = np.array([row for row, one in enumerate(hashes) if one], dtype=np.int64)
    words: NDArray[np.uint64] = np.frombuffer(bytes.fromhex("".join(hashes)), dtype=np.uint64)
    words = words.reshape(len(rows), 4)
    order = np.argsort(is_new[rows], kind="stable")  # the old ones first
    rows, words = rows[order], words[order, :]
    found: list[NDArray[np.int64]] = [np.empty((0, 2), dtype=np.int64)]
    step = max(1, CELLS_AT_ONCE // max(len(rows), 1))
    for start in range(int((~is_new[rows]).sum()), len(rows), step):
        a, b = _near(words, start, min(start + step, len(rows)))
        found.append(np.stack([rows[a], rows[b]], axis=1))
    pairs = np.sort(np.concatenate(found), axis=1)
    return np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)


def _near(words: NDArray[np.uint64], start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the near pairs of rows [start, stop) and rows [0, stop); most are told apart by one word."""
    bits = np.bitwise_count(words[start:stop, :1] ^ words[:stop, 0])
    a, b = np.nonzero(bits <= WIDE_NEAR_BITS)
    a += start
    near = np.bitwise_count(words[a] ^ words[b]).sum(axis=1, dtype=np.uint16) <= WIDE_NEAR_BITS
    return a[near], b[near]


def near_pairs(hashes: Sequence[str], is_new: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return row pairs (P, 2) whose hashes differ in at most NEAR_BITS bits; one of each pair is new.

    N log N, not N^2: each band of 16 bits is sorted, and only equal neighbors in it are compared.
    """
    words = np.array([int(h, 16) for h in hashes], dtype=np.uint64)
    found = [np.empty(0, dtype=np.int64)]
    for band in range(BANDS):
        part = (words >> np.uint64(16 * band)) & np.uint64(0xFFFF)
        order = np.lexsort((words, part))
        for step in range(1, min(NEIGHBORS, len(words) - 1) + 1):
            a, b = order[:-step], order[step:]
            same = part[a] == part[b]
            if not same.any():
                break
            a, b = a[same], b[same]
            near = (np.bitwise_count(words[a] ^ words[b]) <= NEAR_BITS) & (is_new[a] | is_new[b])
            a, b = a[near], b[near]
            found.append(np.minimum(a, b) * len(words) + np.maximum(a, b))  # one number a pair
    return np.stack(np.divmod(np.unique(np.concatenate(found)), max(len(words), 1)), axis=1)


def near_equal(copies: NDArray[np.uint8], pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say of P row pairs (P, 2) of small copies (M, SIDE, SIDE, 3) whether they show the same picture."""
    flat = copies.reshape(len(copies), SIDE * SIDE * 3).astype(np.float32)
    contrast = flat.std(axis=1)
    same = np.zeros(len(pairs), dtype=np.bool_)
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        a, b = pairs[start : start + PAIRS_AT_ONCE].T
        difference = np.sqrt(np.mean((flat[a] - flat[b]) ** 2, axis=1))
        allowed = MAX_CONTRAST_PART * np.minimum(contrast[a], contrast[b])
        same[start : start + PAIRS_AT_ONCE] = difference <= np.clip(allowed, BLANK_LEVELS, MAX_LEVELS)
    return same


def join(
    keys: Sequence[str], groups: Sequence[str], is_test: Sequence[bool], pairs: NDArray[np.int64]
) -> list[str]:
    """Return the group of each sample; those that have one ("" is none yet) keep it.

    New samples that hang together form one group, named after its smallest key, or join the group that stands
    there already.  Where two stand, they join the one with test samples: standing groups never merge, or one
    could lie in both splits.
    """
    root = list(range(len(keys)))

    def find(row: int) -> int:
        while root[row] != row:
            root[row] = row = root[root[row]]
        return row

    links = []
    for a, b in pairs.tolist():
        if groups[a] or groups[b]:
            links.append((a, b) if groups[b] else (b, a))  # (new, standing)
        else:
            low, high = sorted((find(a), find(b)), key=keys.__getitem__)
            root[high] = low
    standing: dict[int, tuple[bool, str]] = {}
    for new, old in links:
        choice = (not is_test[old], groups[old])
        standing[find(new)] = min(standing.get(find(new), choice), choice)
    names = (standing.get(find(row), (True, keys[find(row)]))[1] for row in range(len(keys)))
    return [group or name for group, name in zip(groups, names, strict=True)]
