"""Randomness by place, not by order: a number is a pure function of (key, index).

Whatever is asked first, in whichever process, the answer is the same. SplitMix64 (Steele, Lea, Flood,
OOPSLA 2014) is the mixing function.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from engine.model import FloatArray, IntArray

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB
_TO_UNIT = 2.0**-53
# The variance of a cosine blend of two independent unit normals, averaged over a cell, is 3/4.
_BLEND_SD = 0.75**0.5


def key_of(*parts: object) -> int:
    """A 64-bit key from names and numbers, the same in every process."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def uniform(key: int, index: int) -> float:
    """One number in (0, 1)."""
    z = (key + (index + 1) * _GOLDEN) & _MASK
    z = ((z ^ (z >> 30)) * _MIX_1) & _MASK
    z = ((z ^ (z >> 27)) * _MIX_2) & _MASK
    z ^= z >> 31
    return ((z >> 11) + 0.5) * _TO_UNIT


def uniforms(key: int, index: IntArray) -> FloatArray:
    """Numbers in (0, 1), of the shape of `index`; element-wise equal to `uniform`."""
    z: NDArray[np.uint64] = (index.astype(np.uint64) + np.uint64(1)) * np.uint64(_GOLDEN) + np.uint64(key)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(_MIX_1)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(_MIX_2)
    z ^= z >> np.uint64(31)
    return ((z >> np.uint64(11)).astype(np.float64) + 0.5) * _TO_UNIT


def normals(key: int, index: IntArray) -> FloatArray:
    """Standard normals, of the shape of `index`."""
    return np.asarray(ndtri(uniforms(key, index)), dtype=np.float64)


def normal(key: int, index: int) -> float:
    """One standard normal; element-wise equal to `normals`."""
    return float(ndtri(uniform(key, index)))


def smooth(key: int, t_ms: int, period_ms: int) -> float:
    """A unit-variance curve through independent normals every `period_ms`: it forgets within a period."""
    cell, rest = divmod(t_ms, period_ms)
    share = 0.5 - 0.5 * float(np.cos(np.pi * rest / period_ms))
    return ((1 - share) * normal(key, cell) + share * normal(key, cell + 1)) / _BLEND_SD


def smooths(key: int, t_ms: IntArray, period_ms: int) -> FloatArray:
    """`smooth` at many times."""
    if len(t_ms) == 0:
        return np.zeros(0)
    cells = t_ms // period_ms
    first = int(cells.min())
    nodes = normals(key, np.arange(first, int(cells.max()) + 2, dtype=np.int64))
    share = 0.5 - 0.5 * np.cos(np.pi * (t_ms - cells * period_ms) / period_ms)
    place = cells - first
    return np.asarray(((1 - share) * nodes[place] + share * nodes[place + 1]) / _BLEND_SD, dtype=np.float64)


def wander(key: int, t_ms: int, parts: tuple[tuple[int, float], ...]) -> float:
    """A sum of smooth curves: `parts` are (period_ms, standard deviation)."""
    return sum(sd * smooth(key + place, t_ms, period) for place, (period, sd) in enumerate(parts))
