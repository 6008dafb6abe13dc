"""Client ids: the same for the same decision, different for every other, legal at OKX, told apart from others'."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.execution.ids import MAX_ATTEMPT, Role, bracket_id, client_id, entry_id, exit_id, is_ours

decisions = st.text(min_size=1, max_size=60)
attempts = st.integers(0, MAX_ATTEMPT)


@given(st.sampled_from(Role), decisions, attempts)
def test_ids_are_pure_functions_and_legal_at_the_venue(role: Role, decision: str, attempt: int) -> None:
    first = client_id(role, decision, attempt)
    assert first == client_id(role, decision, attempt)
    assert 1 <= len(first) <= 32
    assert set(first) <= set(string.ascii_lowercase + string.digits)
    assert is_ours(first)


@given(st.tuples(st.sampled_from(Role), decisions, attempts), st.tuples(st.sampled_from(Role), decisions, attempts))
def test_different_purposes_never_share_an_id(one: tuple[Role, str, int], other: tuple[Role, str, int]) -> None:
    assert (client_id(*one) == client_id(*other)) == (one == other)


def test_known_value_never_changes() -> None:
    """A changed formula would make a restarted program forget its orders."""
    assert entry_id("BTC-USDT-SWAP:1700000000000") == "cyne00vg6uygvjvthm6fwdunnz4sxa"
    assert bracket_id("d", 0) == "cynb00dcwd442d6alisdcrb2j7snjg"
    assert exit_id("d", 37) == "cynx11dcwd442d6alisdcrb2j7snjg"


def test_the_attempts_of_a_whole_weekend_have_ids() -> None:
    """A position that cannot be closed must not end the guard at the 1297th attempt."""
    assert exit_id("d", 1295) == "cynxzzdcwd442d6alisdcrb2j7snjg"
    assert exit_id("d", 1296) == "cynx0100dcwd442d6alisdcrb2j7snjg"


@pytest.mark.parametrize("foreign", ["", "grid1", "cyn", "CYNE00" + "a" * 24, "cyne00" + "a" * 23, "cyne00" + "1" * 24])
def test_other_ids_are_foreign(foreign: str) -> None:
    assert not is_ours(foreign)


def test_attempt_beyond_four_digits_is_refused() -> None:
    with pytest.raises(AssertionError):
        client_id(Role.EXIT, "d", MAX_ATTEMPT + 1)
