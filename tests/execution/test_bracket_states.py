"""The table of a bracket's life."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.execution.bracket_states import (
    BRACKET_TRANSITIONS,
    OPEN_ENDED,
    UNDECIDED,
    BracketLife,
    check_bracket_transition,
)
from engine.execution.states import IllegalTransition

L = BracketLife


@given(st.sampled_from(L), st.sampled_from(L))
def test_every_step_outside_the_table_is_an_error(before: L, after: L) -> None:
    if after in BRACKET_TRANSITIONS[before]:
        check_bracket_transition(before, after)
    else:
        with pytest.raises(IllegalTransition, match=f"{before.value} → {after.value}"):
            check_bracket_transition(before, after)


def test_every_state_is_reached_and_has_its_row() -> None:
    reached, waiting = {L.INTENDED}, [L.INTENDED]
    while waiting:
        fresh = BRACKET_TRANSITIONS[waiting.pop()] - reached
        reached |= fresh
        waiting += fresh
    assert reached == set(L) == set(BRACKET_TRANSITIONS)


def test_what_is_open_ended_can_end_and_what_has_ended_stays_so() -> None:
    for state in L:
        steps = BRACKET_TRANSITIONS[state]
        assert bool(steps - OPEN_ENDED) is (state in OPEN_ENDED or state is L.ABSENT), state
    assert UNDECIDED < OPEN_ENDED


def test_a_lost_answer_is_never_taken_for_a_bracket_that_was_not_sent() -> None:
    """Unknown is left by the venue's word alone: it is never abandoned, and never sent again."""
    assert not BRACKET_TRANSITIONS[L.UNKNOWN] & {L.ABANDONED, L.SENT, L.INTENDED}
