"""app.py's flags; light to import, because the cockpit's first paint waits for it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

DESCRIPTION = "Cynosure: a local, autonomous trading cockpit for OKX USDT perpetual swaps. Not financial advice."


@dataclass(frozen=True, slots=True)
class Arguments:
    command: str
    home: Path
    json: bool
    flatten: bool
    cycles: int
    seed: int | None
    speed: float | None
    replay: str | None
    record: Path | None
    cassette: Path | None


class OneLineParser(argparse.ArgumentParser):
    """A mistake costs one line; the usage, which is long, is a --help away."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"cynosure: {message}; --help lists the flags\n")


def parse_arguments(argv: list[str]) -> Arguments:
    """Exits with 2 and one line on a mistake."""
    parser = OneLineParser(prog="app.py", description=DESCRIPTION)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--daemon", action="store_true", help="the engine without a cockpit, until SIGTERM")
    which.add_argument("--once", action="store_true", help="one analysis cycle, then exit; prints the decisions")
    which.add_argument("--status", action="store_true", help="state, positions, brackets, today's P&L, data ages")
    which.add_argument("--kill", action="store_true", help="engage the kill switch, whatever the engine does")
    parser.add_argument("--flatten", action="store_true", help="with --kill: also close every position")
    parser.add_argument("--json", action="store_true", help="with --once and --status: one JSON object a line")
    parser.add_argument("--home", type=Path, default=Path(), metavar="DIR", help="config.yaml, storage/ and logs/")
    parser.add_argument("--cycles", type=_positive, default=1, metavar="N", help="with --once: run N bars in a row")
    parser.add_argument("--seed", type=int, metavar="N", help="demo: the generated market's seed")
    parser.add_argument("--speed", type=float, metavar="X", help="demo: venue seconds per wall second, 0 to 3600")
    parser.add_argument("--replay", metavar="DIR", help="demo: recorded candles instead of a generated market")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the stream of events to FILE")
    parser.add_argument("--cassette", type=Path, metavar="FILE", help="answers of a recorded model, and of nobody else")
    given = parser.parse_args(argv)
    if given.flatten and not given.kill:
        parser.error("--flatten goes with --kill")
    if given.json and not (given.once or given.status):
        parser.error("--json goes with --once or --status")
    if given.record and (given.once or given.status or given.kill):
        parser.error("--record goes with the cockpit and with --daemon")
    if given.cassette and (given.status or given.kill):
        parser.error("--cassette goes with the cockpit, with --daemon and with --once")
    if given.cycles != 1 and not given.once:
        parser.error("--cycles goes with --once")
    names = ("daemon", "once", "status", "kill")
    command = next((name for name in names if getattr(given, name)), "cockpit")
    return Arguments(
        command=command,
        home=given.home.expanduser().resolve(),
        json=given.json,
        flatten=given.flatten,
        cycles=given.cycles,
        seed=given.seed,
        speed=given.speed,
        replay=given.replay,
        record=given.record.expanduser().resolve() if given.record else None,
        cassette=given.cassette.expanduser().resolve() if given.cassette else None,
    )


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {value}")
    return value
