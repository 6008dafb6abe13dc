"""Turns what a person can mend into one line on stderr and exit code 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from engine.cli.say import complain


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Defects of the program still show their traceback: they are not the user's mistakes."""
    try:
        yield
    except Exception as error:
        if not _is_for_the_user(error):
            raise
        text = " ".join(str(error).split())
        complain(f"cynosure: {text}")
        raise SystemExit(2) from None


def _is_for_the_user(error: Exception) -> bool:
    """By name, so that no command has to import what it does not use."""
    names = {base.__name__ for base in type(error).__mro__}
    return bool(names & {"ConfigError", "HomeError", "DatabaseCorrupt", "VenueStartError", "VenueRefused"}) or bool(
        names & {"ExchangeError", "GateProofFailed", "LinkError"}
    )
