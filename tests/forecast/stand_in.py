"""The real child process around a model that is none: each series is expected to rise by `--drift`. It can sleep
instead of loading, hang, die or refuse when told to; `--once FILE` limits that to the first life."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.forecast import child
from engine.forecast.timesfm_model import ModelRefused
from engine.model import FloatArray


class Drift:
    device = "cpu"

    def __init__(self, given: argparse.Namespace) -> None:
        self._given = given

    def quantiles(self, steps: int, series: Sequence[FloatArray]) -> FloatArray:
        given = self._given
        if _happens(given):
            if given.does == "die":
                os._exit(3)
            if given.does == "hang":
                time.sleep(3600)
            if given.does == "nan":
                return np.full((len(series), 10), np.nan)
        print("what a library prints is no answer")
        return np.full((len(series), 10), given.drift) + (np.arange(10) - 5) * 0.001 + steps * 1e-6


def make(given: argparse.Namespace) -> Drift:
    if given.does == "refuse" and _happens(given):
        raise ModelRefused("this file is damaged")
    if given.does == "sleep":
        time.sleep(3600)
    return Drift(given)


def _happens(given: argparse.Namespace) -> bool:
    """Each time, or only while the file of `--once` is not there yet."""
    if given.once is None:
        return True
    first = not given.once.exists()
    given.once.touch()
    return first


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--drift", type=float, default=0.01)
    parser.add_argument("--does", choices=("answer", "die", "hang", "nan", "refuse", "sleep"), default="answer")
    parser.add_argument("--once", type=Path)
    given, _ = parser.parse_known_args()
    return child.serve(lambda: make(given))


if __name__ == "__main__":
    sys.exit(main())
