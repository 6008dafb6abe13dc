"""The tables of an entry's and an exit's life."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.execution.states import (
    ENTRY_TRANSITIONS,
    HOLDING,
    TRANSITIONS,
    UNRESOLVED,
    IllegalTransition,
    IntentState,
    Kind,
    check_transition,
)

S = IntentState


@given(st.sampled_from(Kind), st.sampled_from(S), st.sampled_from(S))
def test_every_step_outside_the_table_is_an_error(kind: Kind, before: S, after: S) -> None:
    if after in TRANSITIONS[kind].get(before, frozenset()):
        check_transition(kind, before, after)
    else:
        with pytest.raises(IllegalTransition, match=f"{before.value} → {after.value}"):
            check_transition(kind, before, after)


@pytest.mark.parametrize("kind", list(Kind))
def test_every_state_of_a_table_leads_to_an_end(kind: Kind) -> None:
    table = TRANSITIONS[kind]
    ends = {state for state, after in table.items() if not after}
    for state in table:
        reached, frontier = {state}, {state}
        while frontier:
            frontier = {after for s in frontier for after in table[s]} - reached
            reached |= frontier
        assert reached & ends, f"{state} never ends"


def test_unknown_is_left_only_by_evidence_of_the_venue() -> None:
    """Accepted after all, or told to be absent: never back to intended, sent or refused (incident rows 2 and 3)."""
    assert ENTRY_TRANSITIONS[S.UNKNOWN] == {S.ACCEPTED, S.ABSENT}


def test_nothing_is_sent_from_any_state_but_intended() -> None:
    for table in TRANSITIONS.values():
        assert [state for state, after in table.items() if S.SENT in after] == [S.INTENDED]


def test_an_entry_is_never_both_unresolved_and_holding() -> None:
    assert not UNRESOLVED & HOLDING
