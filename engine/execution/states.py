"""The lives of an entry and of an exit, as tables. Any other transition is an error.

Entry: INTENDED (committed, nothing sent) → SENT (committed, about to be on the wire) → ACCEPTED | UNKNOWN |
REFUSED … → FILLED → COVERED | HEALING | CLOSING → CLOSED. Only evidence of the venue leaves UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Kind(StrEnum):
    ENTRY = "entry"
    EXIT = "exit"


class IntentState(StrEnum):
    """Where an intent stands; the words are the journal's."""

    INTENDED = "intended"
    SENT = "sent"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    ABANDONED = "abandoned"
    ABSENT = "absent"
    UNFILLED = "unfilled"
    FILLED = "filled"
    COVERED = "covered"
    HEALING = "healing"
    CLOSING = "closing"
    CLOSED = "closed"
    FLAT = "flat"
    RESIDUAL = "residual"


S = IntentState

ENTRY_TRANSITIONS: Mapping[IntentState, frozenset[IntentState]] = {
    S.INTENDED: frozenset({S.SENT, S.ABANDONED}),
    S.SENT: frozenset({S.ACCEPTED, S.UNKNOWN, S.REFUSED, S.ABANDONED}),
    S.ACCEPTED: frozenset({S.FILLED, S.UNFILLED}),
    S.UNKNOWN: frozenset({S.ACCEPTED, S.ABSENT}),
    # A reply that took a detour: the venue tells of an order that it had not known before.
    S.ABSENT: frozenset({S.ACCEPTED}),
    S.FILLED: frozenset({S.COVERED, S.HEALING, S.CLOSING, S.CLOSED}),
    S.COVERED: frozenset({S.HEALING, S.CLOSING, S.CLOSED}),
    S.HEALING: frozenset({S.COVERED, S.CLOSING, S.CLOSED}),
    S.CLOSING: frozenset({S.COVERED, S.HEALING, S.CLOSED}),
    S.CLOSED: frozenset(),
    S.REFUSED: frozenset(),
    S.ABANDONED: frozenset(),
    S.UNFILLED: frozenset(),
}

EXIT_TRANSITIONS: Mapping[IntentState, frozenset[IntentState]] = {
    S.INTENDED: frozenset({S.SENT, S.ABANDONED}),
    S.SENT: frozenset({S.ACCEPTED, S.UNKNOWN, S.REFUSED, S.ABANDONED, S.FLAT}),
    S.ACCEPTED: frozenset({S.FLAT, S.RESIDUAL}),
    S.UNKNOWN: frozenset({S.ACCEPTED, S.ABSENT, S.FLAT, S.RESIDUAL}),
    S.FLAT: frozenset(),
    S.REFUSED: frozenset(),
    S.ABANDONED: frozenset(),
    S.ABSENT: frozenset(),
    S.RESIDUAL: frozenset(),
}

TRANSITIONS: Mapping[Kind, Mapping[IntentState, frozenset[IntentState]]] = {
    Kind.ENTRY: ENTRY_TRANSITIONS,
    Kind.EXIT: EXIT_TRANSITIONS,
}

UNRESOLVED = frozenset({S.INTENDED, S.SENT, S.UNKNOWN, S.ACCEPTED})
"""The venue has not yet said how the order ended: nothing else may open on the instrument."""

HOLDING = frozenset({S.FILLED, S.COVERED, S.HEALING, S.CLOSING})
"""An entry in one of these has a position at the venue, as far as we know."""


class IllegalTransition(Exception):
    """A defect of ours: the table does not allow this step."""


def check_transition(kind: Kind, before: IntentState, after: IntentState) -> None:
    """Raises IllegalTransition."""
    if after not in TRANSITIONS[kind].get(before, frozenset()):
        raise IllegalTransition(f"{kind.value} intent: {before.value} → {after.value} is not allowed")
