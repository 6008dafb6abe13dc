"""Order flow imbalance of the best quote, event by event, when quotes are streamed.

Source: Cont, Kukanov, Stoikov, J. Fin. Econometrics 12(1):47-88 (2014), arXiv 1011.6402.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class BestQuote:
    """Best bid and ask with their sizes, in any consistent units."""

    bid: float
    bid_size: float
    ask: float
    ask_size: float


def quote_event(before: BestQuote, after: BestQuote) -> float:
    """e_n: what was added to the bid and taken from the ask, minus the reverse, in size units."""
    return sum(_terms(before, after))


def order_flow_imbalance(quotes: Sequence[BestQuote]) -> float | None:
    """Σ e_n over Σ of the absolute terms, in [−1, 1]; None without two quotes or without any change of size.

    The normalisation is our own choice: the paper's OFI is Σ e_n.
    """
    terms = [term for before, after in pairwise(quotes) for term in _terms(before, after)]
    gross = sum(abs(term) for term in terms)
    return sum(terms) / gross if gross > 0 else None


def _terms(before: BestQuote, after: BestQuote) -> tuple[float, float]:
    bid = (after.bid >= before.bid) * after.bid_size - (after.bid <= before.bid) * before.bid_size
    ask = (after.ask >= before.ask) * before.ask_size - (after.ask <= before.ask) * after.ask_size
    return bid, ask
