"""The life of a bracket, as a table. Any other transition is an error.

INTENDED (committed, nothing sent) → SENT (committed, about to be on the wire) → LIVE (listed by the venue) | UNKNOWN
(the answer was lost) | REFUSED … → TRIGGERED | CANCELLED | REPLACED | FAILED. Only what the venue lists, as resting or
as ended, or in neither place for long enough, leaves UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from engine.execution.states import IllegalTransition


class BracketLife(StrEnum):
    """Where a bracket of ours stands; the words are the journal's. CANCELLING: we have asked, and why is written."""

    INTENDED = "intended"
    SENT = "sent"
    UNKNOWN = "unknown"
    LIVE = "live"
    CANCELLING = "cancelling"
    REFUSED = "refused"
    ABANDONED = "abandoned"
    ABSENT = "absent"
    TRIGGERED = "triggered"
    CANCELLED = "cancelled"
    REPLACED = "replaced"
    FAILED = "failed"


L = BracketLife

_ENDINGS = frozenset({L.TRIGGERED, L.CANCELLED, L.FAILED, L.ABSENT})

BRACKET_TRANSITIONS: Mapping[BracketLife, frozenset[BracketLife]] = {
    L.INTENDED: frozenset({L.SENT, L.ABANDONED}),
    L.SENT: _ENDINGS | {L.LIVE, L.UNKNOWN, L.REFUSED, L.ABANDONED},
    L.UNKNOWN: _ENDINGS | {L.LIVE},
    L.LIVE: _ENDINGS | {L.CANCELLING},
    L.CANCELLING: _ENDINGS | {L.REPLACED},
    # A bracket that took a detour: the venue lists what it had not known before.
    L.ABSENT: frozenset({L.LIVE, L.TRIGGERED, L.CANCELLED, L.FAILED}),
    L.REFUSED: frozenset(),
    L.ABANDONED: frozenset(),
    L.TRIGGERED: frozenset(),
    L.CANCELLED: frozenset(),
    L.REPLACED: frozenset(),
    L.FAILED: frozenset(),
}

UNDECIDED = frozenset({L.INTENDED, L.SENT, L.UNKNOWN})
"""Whether it rests is not known: no other one is placed for its trade before the venue's list has been read."""

OPEN_ENDED = UNDECIDED | {L.LIVE, L.CANCELLING}
"""Its end is still to come."""


def allowed(before: BracketLife, after: BracketLife) -> bool:
    return after in BRACKET_TRANSITIONS[before]


def check_bracket_transition(before: BracketLife, after: BracketLife) -> None:
    """Raises IllegalTransition."""
    if not allowed(before, after):
        raise IllegalTransition(f"bracket: {before.value} → {after.value} is not allowed")
