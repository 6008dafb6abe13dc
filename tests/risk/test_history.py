"""Closed trades: a ticker's fortnight, the run of losses, the calibrator's table."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.model import ClosedTrade
from engine.reasons import Reason
from engine.risk.calibration import Outcome
from engine.risk.history import FORTNIGHT_MS, consecutive_losses, outcomes_of, ticker_return_14d

NOW = 100 * 86_400_000
ZERO = Decimal(0)


def trade(
    net: str, closed_at: int = NOW, ticker: str = "BTC", notional: str = "1000", strength: float | None = 0.8
) -> ClosedTrade:
    return ClosedTrade(
        "t", ticker, f"{ticker}-USDT-SWAP", Decimal(1), Decimal(1), Decimal(1), Decimal(net), ZERO, ZERO, Decimal(net),
        Decimal(notional), strength, Reason.STOP_LOSS, closed_at - 1, closed_at,
    )  # fmt: skip


def test_a_ticker_without_trades_lost_nothing() -> None:
    assert ticker_return_14d([trade("-500", ticker="ETH")], "BTC", NOW) == 0.0


def test_the_fortnight_is_net_over_mean_deployed_notional() -> None:
    trades = [trade("-60", notional="500"), trade("-90", notional="1500")]
    assert ticker_return_14d(trades, "BTC", NOW) == pytest.approx(-0.15)


def test_older_and_later_trades_do_not_count() -> None:
    trades = [trade("-60", NOW - FORTNIGHT_MS), trade("-90", NOW + 1), trade("10", NOW - FORTNIGHT_MS + 1)]
    assert ticker_return_14d(trades, "BTC", NOW) == pytest.approx(0.01)


def test_trades_without_notional_are_refused_not_divided_by() -> None:
    with pytest.raises(AssertionError):
        ticker_return_14d([trade("-1", notional="0")], "BTC", NOW)


@pytest.mark.parametrize(
    ("nets", "run"),
    [((), 0), (("-1",), 1), (("5", "-1", "-1"), 2), (("-1", "5"), 0), (("-1", "0", "-1"), 1)],
)
def test_the_run_of_losses_counts_back_from_the_latest_close(nets: tuple[str, ...], run: int) -> None:
    trades = [trade(net, NOW + i) for i, net in enumerate(nets)]
    assert consecutive_losses(reversed(trades)) == run


def test_losses_before_a_person_resumed_no_longer_count() -> None:
    trades = [trade("-1", NOW + i) for i in range(5)]
    assert consecutive_losses(trades, since_ms=NOW + 2) == 2


def test_the_calibrators_table_leaves_out_trades_of_unknown_strength() -> None:
    assert outcomes_of([trade("1"), trade("-1", strength=None), trade("0")]) == (
        Outcome(0.8, True),
        Outcome(0.8, False),
    )
