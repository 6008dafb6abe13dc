"""How much of its loop's time a line may take. What is beyond that is left out, and said: the rest of the engine, the
guard first of all, runs on the same loop."""

from __future__ import annotations

from collections.abc import Callable

SHARE = 0.15
"""Of each wall second; `python -m bench.flowload` prints what 17 busy markets take of it."""
SLICE_S = 0.25
"""The share is counted within slices of a second, so that a burst is cut early and what is read lies evenly."""
CALM_AFTER_S = 60.0
"""Without anything left out, and the sampling is over."""
QUOTES_MARK, INSTRUMENT_MARK = '"bbo-tbt"', '"instId"'
MARKED_WITHIN = 160

Skipped = Callable[[str], None]
Tell = Callable[[str, str], None]


class Sieve:
    """Lets pass what there is time for. Only best quotes are left out: each stands for itself, while an update of a
    book that was not read breaks its chain.

    `worked` is the loop's own processor time in seconds: on a machine that is busy with something else a line is not to
    blame for waiting. `skipped` hears of each, by its instrument; `tell` is told once when it begins and once when it
    is over.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        worked: Callable[[], float],
        skipped: Skipped,
        tell: Tell,
        share: float = SHARE,
        slice_s: float = SLICE_S,
    ) -> None:
        self._monotonic = monotonic
        self._worked = worked
        self._skipped = skipped
        self._tell = tell
        self._budget_s = share * slice_s
        self._slice_s = slice_s
        self._slice = 0
        self._used_s = 0.0
        self._working_since: float | None = None
        self._skipped_at = float("-inf")
        self._sampling = False

    def passes(self, text: str | bytes) -> bool:
        """To be asked when something has arrived; the work on it is counted from here."""
        now, self._working_since = self._monotonic(), self._worked()
        self._turn(now)
        inst_id = "" if self._used_s < self._budget_s else _quoted(text)
        if inst_id:
            self._skip(now, inst_id)
        return not inst_id

    def worked_until(self, now: float) -> None:
        """To be said before waiting for the next word."""
        if self._working_since is not None:
            self._used_s += self._worked() - self._working_since
            self._working_since = None
        if self._sampling and now - self._skipped_at > CALM_AFTER_S:
            self._sampling = False
            self._tell("info", "every best quote is read again")

    @property
    def note(self) -> str:
        """For the health of the quotes; "" while all of them are read."""
        return "too many to read; sampled" if self._sampling else ""

    def _turn(self, now: float) -> None:
        number = int(now / self._slice_s)
        if number != self._slice:
            self._slice, self._used_s = number, 0.0

    def _skip(self, now: float, inst_id: str) -> None:
        self._skipped_at = now
        self._skipped(inst_id)
        if not self._sampling:
            self._sampling = True
            self._tell("warning", "more best quotes than there is time for; they are sampled, the rest goes on")


def _quoted(text: str | bytes) -> str:
    """The instrument whose best quote this is, without reading the whole; "" for anything else."""
    head = text[:MARKED_WITHIN]
    told = head if isinstance(head, str) else head.decode(errors="replace")
    if QUOTES_MARK not in told:
        return ""
    value = told.partition(INSTRUMENT_MARK)[2].split('"', 2)  # [': ', the id, the rest]
    return value[1] if len(value) > 1 else ""
