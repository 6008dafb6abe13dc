"""What a command tells its shell. Nobody may be listening any more, and the command goes on all the same.

A reader that has seen enough (`| head`), a terminal that hung up, a locale without the letter: each raises in the
middle of `print`, and what stood after it, the closing of a position, would not be done.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import TextIO

PATIENCE_S = 0.2


def say(text: str) -> None:
    """A line, or several, to stdout, at once."""
    _write(sys.stdout, text)


def complain(text: str) -> None:
    """The same to stderr."""
    _write(sys.stderr, text)


class Telling:
    """Says without waiting for long. A terminal whose output is stopped (Ctrl-S), or a pipe whose reader stands still,
    holds up whoever writes to it for ever."""

    def __init__(self) -> None:
        self._speaking: list[Thread] = []

    def say(self, text: str) -> None:
        self._speak(say, text)

    def complain(self, text: str) -> None:
        self._speak(complain, text)

    def leave(self, code: int) -> int:
        """`code`. Where something is still unheard the process ends here and now: the interpreter would wait for it."""
        if self._unheard():
            os._exit(code)
        return code

    def _speak(self, how: Callable[[str], None], text: str) -> None:
        patience_s = 0.0 if self._unheard() else PATIENCE_S
        thread = Thread(target=how, args=(text,), name="say", daemon=True)
        thread.start()
        thread.join(patience_s)
        self._speaking.append(thread)

    def _unheard(self) -> bool:
        return any(thread.is_alive() for thread in self._speaking)


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:  # started with the descriptor closed
        return
    try:
        print(_in_letters_of(stream, text), file=stream, flush=True)
    except (OSError, ValueError):  # the second: closed in this process
        _silence(stream)


def _in_letters_of(stream: TextIO, text: str) -> str:
    encoding = stream.encoding or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _silence(stream: TextIO) -> None:
    """Else what is still in the buffer is tried again when the process ends, and changes its exit code."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
