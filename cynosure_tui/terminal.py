"""The terminal's file descriptors while the cockpit owns the screen.

Textual draws on file descriptor 2. C libraries, child processes and loggers write there too and would
tear the picture, so the driver gets a duplicate of the terminal, and 1 and 2 point at a log file.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import TextIO

LOG_NAME = "cockpit-stderr.log"
LOG_BYTES = 1_000_000
"""Begun anew beyond that: it holds what should not have been said at all."""


class Terminal:
    """A context in which fds 1 and 2 go to `log_dir`/cockpit-stderr.log and Textual still draws."""

    def __init__(self, log_dir: Path) -> None:
        self._log_dir = log_dir
        self._saved: tuple[int, int] | None = None
        self._screen: TextIO | None = None
        self._streams: tuple[TextIO | None, TextIO | None] = (None, None)

    def __enter__(self) -> Terminal:
        if not os.isatty(2):
            return self
        # A shell that exported its size once would freeze ours: the terminal itself is asked, each time.
        for name in ("COLUMNS", "LINES"):
            os.environ.pop(name, None)
        self._log_dir.mkdir(parents=True, exist_ok=True)
        sys.stdout.flush()
        sys.stderr.flush()
        self._saved = (os.dup(1), os.dup(2))
        self._screen = open(os.dup(2), "w", encoding="utf-8", errors="replace", newline="")  # noqa: PTH123
        self._streams = (sys.__stdout__, sys.__stderr__)
        # The driver draws on sys.__stderr__ and measures through sys.__stdout__.
        sys.__stdout__ = sys.__stderr__ = self._screen  # type: ignore[misc]
        log = os.open(self._log_dir / LOG_NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        if os.fstat(log).st_size > LOG_BYTES:
            os.ftruncate(log, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._saved is None:
            return
        sys.__stdout__, sys.__stderr__ = self._streams  # type: ignore[misc, assignment]
        for number, saved in enumerate(self._saved, 1):
            os.dup2(saved, number)
            os.close(saved)
        self._saved = None

    def on_signal(self, number: int) -> None:
        """After a hang-up the terminal is gone: drawing goes nowhere instead of failing, and input ends."""
        if number != signal.SIGHUP:
            return
        nowhere = os.open(os.devnull, os.O_RDWR)
        targets = [0, self._screen.fileno()] if self._screen is not None else [0]
        for target in [*targets, *(self._saved or ())]:
            os.dup2(nowhere, target)
        os.close(nowhere)

    def say(self, text: str) -> None:
        """One line on the restored terminal."""
        if os.isatty(2):
            os.write(2, f"{text}\n".encode())
