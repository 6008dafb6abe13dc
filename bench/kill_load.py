"""What a kill must not wait for: a forecast and a backtest in child processes, a model that never answers, a venue
that refuses one close and loses the answer to another. And the furniture: positions, a resting entry."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path

from okx.Trade import TradeAPI

from bench.rig import Rig, open_rig
from engine.exchange.simulator.embedded import EmbeddedVenue
from engine.execution.ids import entry_id
from engine.model import OrderRequest, OrderType, Side
from engine.reasons import Reason
from engine.rounding import round_target_down_to_tick

POSITIONS = 10
HELD = ("BTC", "ETH", "SOL", "XRP", "XAU", "XAG", "QQQ", "SPY", "NVDA", "MSFT", "META", "AAPL", "GOOGL")
"""More than are asked for: the market moves meanwhile, and a stop or two may fire."""
RESTING = "SUI-USDT-SWAP"
RIG_SPEED = 60.0
"""Rate limits count in venue time: entering so many positions in a row must not be slowed by them."""
CHILDREN_NICE = 10
"""Children that compute give way to the engine that trades."""
FORECAST = (
    "import numpy as np\nm = np.random.default_rng(7).normal(size=(400, 400))\nwhile True: m = np.tanh(m @ m / 400)"
)
BACKTEST = "n = 0\nwhile True:\n n = sum(i * i % 7 for i in range(100_000))"
FAULTS = (
    {"kind": "refuse", "code": "51020", "when": {"path": "/api/v5/trade/close-position", "call": 2}},
    {"kind": "delay", "delay_ms": 5000, "when": {"path": "/api/v5/trade/close-position", "call": 4}},
)
"""One reject, and one close that is done but answered only after the client has given up."""


async def furnish(home: Path) -> None:
    """The protected positions and one resting entry, by the product's own hands; the venue is left running."""
    async with open_rig(RIG_SPEED, home=home, keep_venue=True) as rig:
        for ticker in HELD:
            reason = await rig.enter(f"{ticker}-USDT-SWAP", f"bench{ticker}", Decimal(2_000))
            assert reason is Reason.ENTERED, f"{ticker}: {reason}"
        await _rest_an_entry(rig)


async def _rest_an_entry(rig: Rig) -> None:
    """A post-only buy far below the market, under a client id of ours. Without our tag: nobody keeps up the dead-man
    switch of an entry whose process has gone, and the venue would cancel it before the kill does."""
    instrument = rig.instruments[RESTING]
    price = (await rig.venue.exchange.quotes())[RESTING].last * Decimal("0.85")
    await rig.venue.exchange.place_order(
        OrderRequest(
            inst_id=RESTING,
            client_id=entry_id("benchresting"),
            side=Side.BUY,
            order_type=OrderType.POST_ONLY,
            contracts=instrument.min_size * 10,
            price=round_target_down_to_tick(price, instrument.tick_size),
        )
    )


def rest_again(venue: EmbeddedVenue, number: int) -> None:
    """Another order like the first that rested, from outside of the engine."""
    orders = (row for row in venue.ledger()["orders"] if row["instId"] == RESTING and row["ordType"] == "post_only")
    first = next(orders)
    api = TradeAPI(venue.key, venue.secret, venue.passphrase, flag=venue.flag, domain=venue.base_url)
    answer = api.place_order(
        RESTING, first["tdMode"], "buy", "post_only", first["sz"], px=first["px"], clOrdId=entry_id(f"rests{number}")
    )
    assert answer["data"][0]["sCode"] == "0", answer


@contextmanager
def busy_children() -> Iterator[None]:
    """One core's worth each of NumPy and of pure Python, for as long as it lasts."""
    environ = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    children = [
        subprocess.Popen([sys.executable, "-c", code], env=environ, preexec_fn=_give_way)  # noqa: PLW1509 - one call
        for code in (FORECAST, BACKTEST)
    ]
    try:
        yield
    finally:
        for child in children:
            child.kill()
            child.wait()


def _give_way() -> None:
    os.nice(CHILDREN_NICE)


@contextmanager
def hanging_model() -> Iterator[str]:
    """The address of an Ollama that has the model, takes every chat and never answers it."""
    body = b'{"models": [{"name": "qwen3.5:4b", "model": "qwen3.5:4b", "digest": "0"}]}'
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    answer = f"{head}Connection: close\r\n\r\n".encode() + body

    def listen(server: socket.socket, kept: list[socket.socket]) -> None:
        with suppress(OSError):
            while True:
                line, _ = server.accept()
                kept.append(line)
                if b"/api/chat" not in line.recv(65536).split(b"\r\n", 1)[0]:
                    line.sendall(answer)
                    line.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []
        threading.Thread(target=listen, args=(server, kept), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        for line in kept:
            line.close()


def ask_the_model(home: Path, host: str) -> None:
    """Every ticker asks the model, and waits a second for nothing."""
    (home / "config.yaml").write_text(
        f'llm: {{backend: ollama, host: "{host}", timeout_s: 1.0, skip_when_forced: false}}\n'
        "demo: {seed: 7, equity_usdt: 100000}\n"
    )
