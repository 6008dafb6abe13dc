"""The liquidation fee belongs to the trade that was liquidated: the sums of the trades are the account's."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import permutations
from pathlib import Path

import pytest

from engine.model import BillKind, ClosedPosition, Side
from engine.outcome.books import Books
from engine.reasons import Reason
from tests.execution.rig import Rig
from tests.outcome.test_books import BTC, LIFE, bill, fill, opened

D = Decimal
FORCED = replace(fill(5, Side.SELL, "2", "50", pnl="-1.02"), liquidation=True)
EXECUTION = replace(bill(5, BillKind.LIQUIDATION, "-1.03", "-1.02", "-0.01"), bill_id="5")
CHARGE = bill(6, BillKind.LIQUIDATION, "-3", fee="-3")
FEES = D("-0.03") + D("-3")


async def net_of(books: Books) -> tuple[Decimal, Decimal]:
    rows = await books._db.fetch_all("SELECT fees, net FROM trades WHERE trade_id = 'd1'")
    return D(rows[0]["fees"]), D(rows[0]["net"])


@pytest.mark.parametrize("order", list(permutations(("fills", "bills", "close"))))
async def test_in_whatever_order_it_is_told_the_charge_reaches_its_trade_once(
    tmp_path: Path, order: tuple[str, ...]
) -> None:
    if order.index("close") < order.index("fills"):
        return
    db, _, books = await opened(tmp_path / "a.db")
    async with db:
        await books.book_fills(LIFE[:2])
        for step in order:
            match step:
                case "fills":
                    await books.book_fills([FORCED])
                case "bills":
                    await books.book_bills([EXECUTION, CHARGE])
                    await books.book_bills([EXECUTION, CHARGE])
                case "close":
                    await books.close((await books.open_trades())[BTC], Reason.LIQUIDATED)
        assert await net_of(books) == (FEES, D("-1.02") + FEES)


async def test_a_strangers_liquidation_charges_no_trade_of_ours(tmp_path: Path) -> None:
    db, _, books = await opened(tmp_path / "a.db")
    async with db:
        await books.book_fills(LIFE)
        await books.close((await books.open_trades())[BTC], Reason.STOP_LOSS)
        theirs = [replace(fill(n, side, "1", "90"), liquidation=n == 8) for n, side in ((7, Side.BUY), (8, Side.SELL))]
        await books.book_fills(theirs)
        await books.book_bills([bill(9, BillKind.LIQUIDATION, "-3", fee="-3")])
        assert await net_of(books) == (D("-0.04"), D("0.108"))


async def test_the_venues_own_record_holds_the_charge_already(tmp_path: Path) -> None:
    db, _, books = await opened(tmp_path / "a.db")
    async with db:
        await books.book_fills(LIFE[:2])
        record = ClosedPosition(
            BTC, "p1", D(101), D(50), D(2), D("-1.02"), D("-0.03"), D("-0.5"), D("-4.55"), True, 1_000, 1_005
        )
        await books.close_by_venue((await books.open_trades())[BTC], record, Reason.LIQUIDATED)
        await books.book_bills([CHARGE])
        assert await net_of(books) == (FEES, D("-4.55"))


@pytest.mark.parametrize("share", [1, 0.5])
async def test_the_net_of_the_trades_is_what_the_account_lost(rig: Rig, share: float) -> None:
    rig.advance(60_000)
    before = (await rig.real.balance()).cash
    outcome = await rig.desk.entry.enter(await rig.plan(f"charged-{share}"))
    assert outcome.reason is Reason.ENTERED, outcome.detail
    rig.sim.act("liquidate", inst=BTC, share=share)
    await rig.desk.guard_pass()
    await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, f"charged-x-{share}")
    await rig.desk.guard_pass()
    await rig.desk.tracker.sync()
    [trade] = await rig.desk.tracker.history.closed_trades()
    assert trade.reason is Reason.LIQUIDATED
    lost = (await rig.real.balance()).cash - before
    assert abs(trade.net - lost) < D("0.000001")
    charged = await rig.db.fetch_all("SELECT change FROM bills WHERE kind = 'liquidation' AND booked_to IS NOT NULL")
    assert [D(row["change"]) < 0 for row in charged] == [True]
