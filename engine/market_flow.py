"""What the streams know of a market, laid into its snapshot."""

from __future__ import annotations

from dataclasses import replace

from engine.exchange.streams import MarketFlows
from engine.model import Book, MarketSnapshot


def with_flows(snapshot: MarketSnapshot, flows: MarketFlows) -> MarketSnapshot:
    """The snapshot with the flow of its best quote, its liquidations and its earlier books, as far as they are known.

    The followed book replaces the one that was read when it is younger. The one that was read is remembered, so that
    where no book is followed the next snapshot has at least this one to hold its walls against.
    """
    inst_id, read = snapshot.instrument.inst_id, snapshot.book
    earlier = flows.earlier_books(inst_id)
    if read is not None:
        flows.saw_book(read)
    return replace(
        snapshot,
        book=_younger(flows.book(inst_id), read, snapshot.taken_at),
        earlier_books=earlier,
        quote_flow=flows.quote_flow(inst_id),
        liquidations=flows.liquidations(inst_id),
    )


def _younger(followed: Book | None, read: Book | None, taken_at: int) -> Book | None:
    """A followed book may already be younger than the snapshot's own moment: then it is of another one."""
    if followed is None or followed.ts > taken_at:
        return read
    return followed if read is None or followed.ts >= read.ts else read
