"""The command line of the simulator."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from engine.exchange.simulator.auth import Credentials
from engine.exchange.simulator.routes_admin import MAX_SPEED


@dataclass(frozen=True, slots=True)
class Options:
    port: int
    seed: int
    speed: float
    replay: Path | None
    state: Path | None
    start_ms: int | None
    equity: Decimal
    idle_exit_s: float
    credentials: Credentials
    token: str
    faults: Path | None = None
    limits: bool = True


def read_options(arguments: list[str] | None) -> Options:
    """Exits with status 2 and one clear line when an option makes no sense."""
    given = _parser().parse_args(arguments)
    return Options(
        port=given.port,
        seed=given.seed,
        speed=given.speed,
        replay=given.replay,
        state=given.state,
        start_ms=given.start,
        equity=given.equity,
        idle_exit_s=given.idle_exit,
        credentials=Credentials(given.key, given.secret, given.passphrase),
        token=os.environ.get("CYNOSURE_SIM_TOKEN", ""),
        faults=given.faults,
        limits=not given.no_limits,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m engine.exchange.simulator", description="An OKX-compatible simulated venue on loopback."
    )
    environment = os.environ.get
    parser.add_argument("--port", type=_port, default=0, help="0 = any free port (default)")
    parser.add_argument("--seed", type=_whole, default=7, help="of the generated market (default 7)")
    parser.add_argument("--speed", type=_speed, default=1.0, help="venue seconds per wall second; 0 = frozen")
    parser.add_argument("--replay", type=Path, metavar="DIR", help="play recorded candles instead (CSV or Parquet)")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep the account here; forgotten when absent")
    parser.add_argument("--start", type=_moment, metavar="MS_OR_ISO", help="venue time of a fresh venue")
    parser.add_argument("--equity", type=_equity, default=Decimal(10_000), metavar="USDT", help="default 10000")
    parser.add_argument(
        "--idle-exit", type=float, default=0.0, metavar="S", help="end after S unasked seconds; 0 = never"
    )
    parser.add_argument("--faults", type=Path, metavar="FILE", help="play these faults (YAML or JSON)")
    parser.add_argument("--no-limits", action="store_true", help="never answer 50011, however many requests come")
    parser.add_argument("--key", default=environment("CYNOSURE_SIM_KEY", "cynosure-sim"))
    parser.add_argument("--secret", default=environment("CYNOSURE_SIM_SECRET", "cynosure-sim-secret"))
    parser.add_argument("--passphrase", default=environment("CYNOSURE_SIM_PASSPHRASE", "cynosure-sim-pass"))
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 … 65535)")
    return int(text)


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number ≥ 0")
    return int(text)


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 <= speed <= MAX_SPEED:
        raise argparse.ArgumentTypeError(f"{text!r} is outside 0 … {MAX_SPEED:g}")
    return speed


def _equity(text: str) -> Decimal:
    try:
        equity = Decimal(text)
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount") from None
    if not equity.is_finite() or equity <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive amount")
    return equity


def _moment(text: str) -> int:
    """Milliseconds since 1970, or an ISO time (UTC unless it says otherwise)."""
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither milliseconds nor an ISO time") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1000)
