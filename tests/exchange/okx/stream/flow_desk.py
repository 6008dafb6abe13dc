"""A flow board whose line, clock and books are in the hands of a test."""

from __future__ import annotations

from typing import Any

from engine.exchange.okx.stream.flows import FlowBoard
from engine.exchange.okx.stream.frames import Pushed
from engine.exchange.streams import Following, Topic
from engine.model import Book
from tests.experts.markets import instrument
from tests.hand_clock import HandClock

ABC = instrument()  # one contract is 0.01 of it
INST = ABC.inst_id
START = 1_700_000_000_000
MARKET = (Topic.QUOTES, Topic.LIQUIDATIONS, Topic.PULSE)


class Desk:
    """A board, its clock, and a venue that says what a test wants."""

    def __init__(self, speed: float = 1.0, books: bool = False) -> None:
        self.clock = HandClock(START, speed)
        self.up, self.size = True, 10
        self.books: dict[str, Book] = {}
        self.board = FlowBoard(self.clock, lambda inst_id, *_: self.books.get(inst_id), lambda: self.up)
        self.board.follow(Following((ABC,), quotes=True, books=books))
        self.board.resumed(MARKET)

    def quote(self, bid: Any, bid_size: Any, ask: Any, ask_size: Any, inst_id: str = INST, **more: Any) -> None:
        row = {"bids": [[bid, bid_size, "0", "1"]], "asks": [[ask, ask_size, "0", "1"]], "ts": str(self.clock.ms)}
        self.say(Topic.QUOTES, {"channel": "bbo-tbt", "instId": inst_id}, row | more)

    def say(self, topic: Topic, arg: dict[str, str], *rows: Any) -> None:
        self.board.heard(topic, Pushed(arg["channel"], arg, "", rows))

    def pulse(self) -> None:
        self.say(Topic.PULSE, {"channel": "mark-price"}, {})

    def busy(self, seconds: float = 60.0, every_s: float = 0.5) -> None:
        """The bid grows and nothing else moves: a flow of +1."""
        for _ in range(round(seconds / every_s)):
            self.clock.pass_(every_s)
            self.size += 1
            self.quote("99.9", str(self.size), "100.1", "5")

    def died(self, side: str, contracts: Any, price: Any = "100", inst_id: str = INST, **more: Any) -> None:
        detail = {"side": side, "posSide": "", "bkPx": price, "sz": contracts, "ts": str(self.clock.ms), **more}
        row = {"instType": "SWAP", "instId": inst_id, "details": [detail]}
        self.say(Topic.LIQUIDATIONS, {"channel": "liquidation-orders", "instType": "SWAP"}, row)
