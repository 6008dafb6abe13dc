"""Secrets are taken out by value from everything that is written."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from logging.handlers import RotatingFileHandler
from pathlib import Path

MASK = "***"
ROTATE_AT_BYTES = 10_000_000
KEPT_FILES = 5


class Redactor:
    """Replaces every loaded secret by `***`; short values are left alone, they would match by chance."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted({secret for secret in secrets if len(secret) >= 6}, key=len, reverse=True)

    def clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text


class RedactingFormatter(logging.Formatter):
    """Cleans the finished line, tracebacks included."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.clean(super().format(record))


class _QuietHandler(RotatingFileHandler):
    """A disk that refuses costs the line. logging would print a traceback for each, over the cockpit's screen."""

    refused = 0

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002 - logging's own signature
        self.refused += 1


def log_to_file(path: Path, redactor: Redactor) -> logging.Handler:
    """Sends all logging and Python's own warnings to `path` (10 MB, 5 kept), and nothing to the screen. httpx logs
    every URL at INFO, so it and its like speak from WARNING on only."""
    handler = _QuietHandler(path, maxBytes=ROTATE_AT_BYTES, backupCount=KEPT_FILES, encoding="utf-8")
    handler.setFormatter(RedactingFormatter(redactor))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # "coroutine was never awaited" is a warning: on stderr it would paint over the cockpit, or be seen by nobody.
    logging.captureWarnings(True)
    for chatty in ("httpx", "httpcore", "asyncio", "aiosqlite"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # Of late and skipped runs the engine's own listener tells and counts; twice is once too often.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    return handler
