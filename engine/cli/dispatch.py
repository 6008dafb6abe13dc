"""Runs one command; a user's mistake ends in one line and a non-zero exit, never in a traceback."""

from __future__ import annotations

import signal

from engine.cli.arguments import Arguments
from engine.cli.one_line import one_line_errors


def run(arguments: Arguments) -> int:
    with one_line_errors():
        return _kill(arguments) if arguments.command == "kill" else _prepared(arguments)


def _kill(arguments: Arguments) -> int:
    """Entries stop within the first hundredths of a second: before half a second of imports, before the settings."""
    # A terminal that hangs up must not end it half way: positions would stay open.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    from engine.execution.latch_file import fall  # noqa: PLC0415

    fall(arguments.home / "storage", "cli")
    from engine.cli.kill import run_kill  # noqa: PLC0415 - it reads the settings itself, after the latch

    return run_kill(arguments)


def _prepared(arguments: Arguments) -> int:
    """The settings are read before the engine is imported: a wrong file is told in a fraction of a second."""
    from engine.cli.prepare import prepare  # noqa: PLC0415

    prepared = prepare(arguments)
    match arguments.command:
        case "once":
            from engine.cli.once import run_once  # noqa: PLC0415

            return run_once(prepared, arguments)
        case "status":
            from engine.cli.status import run_status  # noqa: PLC0415

            return run_status(prepared, arguments)
        case _:
            from engine.cli.daemon import run_daemon  # noqa: PLC0415

            return run_daemon(prepared, arguments)
