"""TimesFM 2.5 with random weights: the real architecture, whole or with one layer of twenty, saved to a real file.

With the child's own arguments this is the real child, told only how many layers the file has; `--build` writes the
file first, and `--only-build` does nothing else. `--layers 20` is the whole model.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

from engine.forecast import child


def with_layers(count: int) -> None:
    from timesfm.timesfm_2p5 import timesfm_2p5_torch

    module = timesfm_2p5_torch.TimesFM_2p5_200M_torch_module
    stack = dataclasses.replace(module.config.stacked_transformers, num_layers=count)
    module.config = dataclasses.replace(module.config, stacked_transformers=stack)


def build(file: Path, seed: int = 7) -> None:
    """Random weights; the norms' scales, which start at 0 and would silence everything, near 1."""
    import torch
    from timesfm import TimesFM_2p5_200M_torch

    torch.manual_seed(seed)
    model = TimesFM_2p5_200M_torch(torch_compile=False)
    for name, parameter in model.model.named_parameters():
        if name.endswith("scale"):
            torch.nn.init.normal_(parameter, 1.0, 0.02)
    model.save_pretrained(str(file.parent))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--build", type=Path)
    parser.add_argument("--only-build", action="store_true")
    given, rest = parser.parse_known_args()
    with_layers(given.layers)
    if given.build is not None:
        build(given.build)
    return 0 if given.only_build else child.main(rest)


if __name__ == "__main__":
    sys.exit(main())
