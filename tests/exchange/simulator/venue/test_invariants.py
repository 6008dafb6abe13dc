"""Whatever a client does and the market with it: the books balance, reduce-only reduces, restarts change nothing."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.exchange.simulator.venue.bench_desk import BenchDesk, balances
from tests.exchange.simulator.venue.scripted_market import BTC, ETH

prices = st.integers(35_000, 65_000)
sizes = st.integers(1, 600).map(lambda lots: str(Decimal(lots) / 100))
sides = st.sampled_from(["buy", "sell"])
modes = st.sampled_from(["isolated", "isolated", "isolated", "cross"])
reduce = st.booleans()

steps = st.one_of(
    st.tuples(st.just("market"), sides, sizes, modes, reduce),
    st.tuples(st.just("limit"), sides, sizes, modes, reduce, prices),
    st.tuples(st.just("oco"), sides, sizes, modes, st.integers(1, 4000), st.integers(1, 4000)),
    st.tuples(st.just("trail"), sides, sizes, modes),
    st.tuples(st.just("close"), modes),
    st.tuples(st.just("move"), prices, st.integers(-300, 300)),
    st.tuples(st.just("wait"), st.integers(1, 40)),
    st.tuples(st.just("sweep")),
)
acts = st.one_of(
    st.tuples(
        st.just("fault"), st.just("gap"), st.fixed_dictionaries({"pct": st.sampled_from([-30, -8, -1, 1, 9, 40])})
    ),
    st.tuples(
        st.just("fault"),
        st.sampled_from(["liquidate", "adl"]),
        st.fixed_dictionaries({"share": st.sampled_from([0.01, 0.5, 1.0])}),
    ),
    st.tuples(st.just("fault"), st.just("margin_mode"), st.fixed_dictionaries({"mode": st.just("cross")})),
    st.tuples(
        st.just("fault"),
        st.just("manual_trade"),
        st.fixed_dictionaries({"side": sides, "share": st.sampled_from([0.1, 1.0])}),
    ),
    st.tuples(st.just("fault"), st.sampled_from(["suspend", "resume", "user_closes"]), st.just({})),
    st.tuples(st.just("fault"), st.just("respec"), st.fixed_dictionaries({"lot": st.sampled_from(["0.01", "0.1"])})),
    st.tuples(st.just("order_fault"), st.sampled_from(["partial_fill", "fill_then_cancel", "fills_out_of_order"])),
)


class Walker:
    """Applies random steps and checks after each one."""

    def __init__(self, path: Path | None = None) -> None:
        self.desk = BenchDesk(path=path)
        self.desk.market.rate = 0.0003
        self.desk.market.level_size = Decimal(2)
        self.at_s = 0

    def step(self, kind: str, *details: Any) -> None:
        before = self._open_sizes()
        getattr(self, f"_{kind}")(*details)
        self.check(kind, details, before)

    def _open_sizes(self) -> dict[str, Decimal]:
        return {row["mgnMode"]: Decimal(row["pos"]) for row in self.desk.venue.positions({"instId": BTC})}

    def _market(self, side: str, sz: str, mode: str, reduce_only: bool) -> None:
        self.desk.order(side, sz, tdMode=mode, reduceOnly=reduce_only)

    def _limit(self, side: str, sz: str, mode: str, reduce_only: bool, price: int) -> None:
        self.desk.order(side, sz, tdMode=mode, reduceOnly=reduce_only, px=str(price))

    def _oco(self, side: str, sz: str, mode: str, up: int, down: int) -> None:
        last = self.desk.market.last_price(BTC, self.desk.venue.now_ms)
        above, below = str(last + up), str(last - down)
        tp, sl = (above, below) if side == "sell" else (below, above)
        self.desk.algo(side, "oco", tdMode=mode, sz=sz, tpTriggerPx=tp, tpOrdPx="-1", slTriggerPx=sl, slOrdPx="-1",
                       reduceOnly=True)  # fmt: skip

    def _trail(self, side: str, sz: str, mode: str) -> None:
        self.desk.algo(side, "move_order_stop", tdMode=mode, sz=sz, callbackRatio="0.02", reduceOnly=True)

    def _close(self, mode: str) -> None:
        if mode in self._open_sizes() and self.desk.venue.market.specs[BTC].state == "live":
            self.desk.venue.close_position({"instId": BTC, "mgnMode": mode, "autoCxl": True})

    def _move(self, price: int, gap: int) -> None:
        self.at_s += 60
        self.desk.market.say(BTC, float(price), at_s=self.at_s, mark=float(price + gap))
        self.desk.go(self.at_s)

    def _wait(self, quarters: int) -> None:
        self.at_s += 900 * quarters
        self.desk.go(self.at_s)
        self.desk.pass_wall()

    def _fault(self, kind: str, params: dict[str, Any]) -> None:
        self.desk.fault(kind, inst=BTC, **params)

    def _order_fault(self, kind: str) -> None:
        self.desk.fault(kind)

    def _sweep(self) -> None:
        for row in self.desk.venue.orders_pending({}):
            self.desk.venue.cancel_order({"instId": BTC, "ordId": row["ordId"]})

    def check(self, kind: str, details: tuple[Any, ...], before: dict[str, Decimal]) -> None:
        report = self.desk.venue.ledger_report()
        totals = {name: Decimal(value) for name, value in report["totals"].items()}
        assert balances(totals)
        assert totals["cash"] == totals["initial_equity"] + sum(Decimal(bill["balChg"]) for bill in report["bills"])
        assert totals["realised"] == sum(Decimal(fill["fillPnl"]) for fill in report["fills"])
        self._check_positions(report, totals)
        if kind == "market" and details[3]:
            self._check_reduced(details, before)

    def _check_positions(self, report: dict[str, Any], totals: dict[str, Decimal]) -> None:
        """A position is the sum of its fills, and the account the sum of its positions' lives."""
        lives = [
            *report["positions"],
            *(row for row in report["positions_history"] if row["type"] not in {"1", "4", "5"}),
        ]
        whole = {name: sum((Decimal(row[name]) for row in lives), Decimal(0))
                 for name in ("pnl", "fee", "fundingFee", "liqPenalty")}  # fmt: skip
        assert whole["pnl"] == totals["realised"]
        assert whole["fee"] + whole["liqPenalty"] == totals["fees"]
        assert whole["fundingFee"] == totals["funding"]
        signed = sum(
            (Decimal(fill["fillSz"]) * (1 if fill["side"] == "buy" else -1) for fill in report["fills"]), Decimal(0)
        )
        assert signed == sum((Decimal(row["pos"]) for row in report["positions"]), Decimal(0))

    def _check_reduced(self, details: tuple[Any, ...], before: dict[str, Decimal]) -> None:
        was, now = before.get(details[2], Decimal(0)), self._open_sizes().get(details[2], Decimal(0))
        assert abs(now) <= abs(was)
        assert now * was >= 0


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, min_size=1, max_size=25))
def test_the_books_balance_under_any_stream_of_orders(stream: list[tuple[Any, ...]]) -> None:
    walker = Walker()
    for kind, *details in stream:
        walker.step(kind, *details)


_BUY = ("market", "buy", "0.01", "isolated", False)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(steps, acts), min_size=1, max_size=25))
@example([_BUY, ("market", "buy", "0.01", "cross", False), ("fault", "margin_mode", {"mode": "cross"})])
@example([_BUY, ("fault", "respec", {"lot": "0.1"}), ("fault", "liquidate", {"share": 0.01})])
def test_the_books_balance_whatever_is_done_from_outside(stream: list[tuple[Any, ...]]) -> None:
    walker = Walker()
    for kind, *details in stream:
        walker.step(kind, *details)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.one_of(steps, acts), min_size=1, max_size=15), st.integers(0, 15))
def test_a_restart_anywhere_changes_nothing(stream: list[tuple[Any, ...]], cut: int) -> None:
    with TemporaryDirectory() as folder:
        restarted, steady = Walker(Path(folder) / "state.db"), Walker()
        for number, (kind, *details) in enumerate(stream):
            if number == cut:
                restarted.desk.reopen()
            restarted.step(kind, *details)
            steady.step(kind, *details)
        reports = [json.dumps(one.desk.venue.ledger_report(), sort_keys=True) for one in (restarted, steady)]
        assert reports[0] == reports[1]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(sides, sizes, st.booleans()), min_size=1, max_size=8),
    st.lists(prices, min_size=1, max_size=12),
)
def test_algos_that_reduce_only_never_open_or_flip(stops: list[tuple[str, str, bool]], path: list[int]) -> None:
    """Any pile of reduce-only stops on a long, over any path, leaves it between flat and where it was."""
    desk = BenchDesk()
    desk.filled("buy", "3", ETH)
    desk.filled("buy", "3")
    for side, sz, linked in stops:
        legs = ("50100", "49900") if side == "sell" else ("49900", "50100")
        desk.algo(side, "oco", sz=sz, tpTriggerPx=legs[0], tpOrdPx="-1", slTriggerPx=legs[1], slOrdPx="-1",
                  reduceOnly=True, cxlOnClosePos=linked)  # fmt: skip
    for step, price in enumerate(path, start=1):
        desk.market.say(BTC, float(price), at_s=step)
        desk.go(step)
        assert 0 <= desk.contracts() <= 3
    assert desk.contracts(ETH) == 3
