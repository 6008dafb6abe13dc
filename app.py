"""Cynosure: one flag, one mode. `python app.py` opens the cockpit; --help lists the rest."""

from __future__ import annotations

import sys

from engine.cli.arguments import Arguments, parse_arguments

SWITCH_S = 0.001
"""A thread that computes gives the others their turn after so long (Python's own 5 ms add up: a kill changes hands some
ten times before its first cancel is on the wire)."""


def main(argv: list[str]) -> int:
    sys.setswitchinterval(SWITCH_S)
    arguments = parse_arguments(argv)
    if arguments.command == "cockpit":
        from engine.cli.one_line import one_line_errors

        with one_line_errors():
            return _cockpit(arguments)
    from engine.cli.dispatch import run

    return run(arguments)


def _cockpit(arguments: Arguments) -> int:
    """The engine and its imports start after the first paint; only the lock is taken before it."""
    from cynosure_tui.app import run_cockpit
    from cynosure_tui.link import LocalLink
    from engine.cli.local_engine import LocalEngine

    local = LocalEngine(arguments)
    return run_cockpit(
        LocalLink(local.open),
        log_dir=local.home.logs,
        on_exit=local.close,
        on_hangup=local.go_on_headless,
        mode=local.mode,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
