"""Runs one command; a user's mistake ends in one line and a non-zero exit, never in a traceback."""

from __future__ import annotations

from engine.cli.arguments import Arguments
from engine.cli.daemon import run_daemon
from engine.cli.kill import run_kill
from engine.cli.once import run_once
from engine.cli.one_line import one_line_errors
from engine.cli.prepare import prepare
from engine.cli.status import run_status


def run(arguments: Arguments) -> int:
    with one_line_errors():
        match arguments.command:
            case "kill":
                return run_kill(arguments)
            case "once":
                return run_once(prepare(arguments), arguments)
            case "status":
                return run_status(prepare(arguments), arguments)
            case _:
                return run_daemon(prepare(arguments), arguments)
