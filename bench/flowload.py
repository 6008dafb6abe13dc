"""`python -m bench.flowload [--data DIR]`: what following single markets costs the engine's loop, in processor time.

Best quotes in OKX's format go from the text to the flow board, recorded `books` messages (400 levels, 42 changes a
message) through the chain; each cost is of this process's own time. The shares are those of a second in which 17
markets each change their best quote 50 times and their book 10 times. One JSON line; exit status 1 when the shares
together exceed the quotes' allowance and what the books cost, or when one message holds the loop up for more than 5 ms.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.clock import SystemClock
from engine.exchange.okx.stream.books import Books
from engine.exchange.okx.stream.flows import FlowBoard
from engine.exchange.okx.stream.frames import Pushed, read_frame
from engine.exchange.okx.stream.load import SHARE
from engine.exchange.streams import Following, Topic
from engine.risk.sound import INSTRUMENT

DATA = Path(__file__).parents[1] / "../shared/data"
RECORDED = "okx_ws_raw_BTC-USDT_2022_05_13.jsonl.gz"
MARKETS, QUOTES_A_SECOND, BOOKS_A_SECOND = 17, 50, 10
STALL_LIMIT_MS = 5.0
COUNT = 5_000


def quotes() -> list[str]:
    arg = {"channel": "bbo-tbt", "instId": INSTRUMENT.inst_id}
    rows = (
        {"asks": [["100.1", "5", "0", "1"]], "bids": [["99.9", str(1 + n % 7), "0", "1"]], "ts": str(n), "seqId": n}
        for n in range(COUNT)
    )
    return [json.dumps({"arg": arg, "data": [row]}, separators=(",", ":"), allow_nan=False) for row in rows]


def books(path: Path) -> list[str]:
    """Without their checksums, as OKX has sent none since 2026-06-23."""
    with gzip.open(path, "rt") as lines:
        messages = [json.loads(line)["msg"] for line in lines]
    found = [one for one in messages if one.get("arg", {}).get("channel") == "books" and "data" in one]
    return [
        json.dumps({**one, "data": [{**row, "checksum": 0} for row in one["data"]]}, allow_nan=False) for one in found
    ]


def cost(texts: list[str], hear: Callable[[Pushed], Any]) -> tuple[float, float]:
    """(mean µs, greatest ms) of one message, from its text."""
    spent = []
    for text in texts:
        began = time.thread_time()
        frame = read_frame(text)
        assert isinstance(frame, Pushed)
        hear(frame)
        spent.append(time.thread_time() - began)
    return sum(spent) / len(spent) * 1e6, max(spent) * 1e3


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the recorded messages")
    data = parser.parse_args().data
    if not (data / RECORDED).exists():
        print(f"{data} holds no {RECORDED}; name the folder with --data", file=sys.stderr)
        return 2
    board = FlowBoard(SystemClock(), lambda *_: None, lambda: True)
    board.follow(Following((INSTRUMENT,), quotes=True))
    quote_us, quote_ms = cost(quotes(), lambda pushed: board.heard(Topic.QUOTES, pushed))
    book_us, book_ms = cost(books(data / RECORDED), Books(lambda: 0.0).apply)
    quote_share = MARKETS * QUOTES_A_SECOND * quote_us / 1e6
    book_share = MARKETS * BOOKS_A_SECOND * book_us / 1e6
    ok = quote_share <= SHARE and max(quote_ms, book_ms) <= STALL_LIMIT_MS
    told = {
        "bench": "flowload",
        "quote_us": round(quote_us, 1),
        "book_message_us": round(book_us, 1),
        "worst_message_ms": round(max(quote_ms, book_ms), 2),
        "quotes_share": round(quote_share, 4),
        "books_share": round(book_share, 4),
        "allowed_share": SHARE,
        "ok": ok,
    }
    print(json.dumps(told, allow_nan=False))
    return 0 if ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
