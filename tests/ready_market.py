"""The market of seed 7, its history written, in a process that only forks (tests/forked_simulator.py)."""

from __future__ import annotations

import gc
from importlib import import_module
from pathlib import Path

from engine.exchange.simulator.__main__ import main
from engine.exchange.simulator.market import Market
from engine.exchange.simulator.simulated_market import open_market

# What the server reads only when it starts to serve.
for _name in ("http.httptools_impl", "websockets.websockets_sansio_impl"):
    import_module(f"uvicorn.protocols.{_name}")

_SEED = 7
_MARKET = open_market(_SEED)
# What every venue shares stays where it is: a collector that touched it would copy it page by page.
gc.freeze()


def _opened(seed: int, replay: Path | None, start_ms: int | None) -> Market:
    """A market is a pure function of what names it, and nobody has asked this one yet."""
    return _MARKET if (seed, replay, start_ms) == (_SEED, None, None) else open_market(seed, replay, start_ms)


def run(arguments: list[str]) -> int:
    """The simulator's own program. Exit status as `python -m engine.exchange.simulator`."""
    return main(arguments, _opened)
