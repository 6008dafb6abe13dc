"""Simulators by fork: one process of each test worker reads the code and writes the history of seed 7, once.

That is two seconds of computing that every venue of the tests would spend again. What is forked is the program from
`main` on, with a command line, sockets, signals and an end of its own. The real command is started by the tests of the
process itself (tests/exchange/simulator/server/test_process.py) and by everything that starts Cynosure.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.ready_market"])


class ForkedSimulator:
    """A running simulator with what the tests use of `subprocess.Popen`."""

    def __init__(self, arguments: list[str], log_path: Path) -> None:
        reader, writer = _CONTEXT.Pipe(duplex=False)
        with reader, writer:
            self._process = _CONTEXT.Process(target=_run, args=(arguments, str(log_path), writer), daemon=True)
            self._process.start()
            self.stdout = os.fdopen(os.dup(reader.fileno()), "rb")
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """Exit status, negative after a signal. Raises TimeoutError."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise TimeoutError(f"simulator {self.pid} still runs after {timeout} s")
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def _run(arguments: list[str], log_path: str, ready: Connection) -> None:
    """In the child: its output is the pipe, its errors are the log."""
    from tests.ready_market import run

    with Path(log_path).open("ab") as log:
        os.dup2(log.fileno(), sys.stderr.fileno())
    os.dup2(ready.fileno(), sys.stdout.fileno())
    ready.close()
    sys.exit(run(arguments))
