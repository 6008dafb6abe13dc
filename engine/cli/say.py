"""What a command tells its shell. Nobody may be listening any more, and the command goes on all the same.

A reader that has seen enough (`| head`), a terminal that hung up, a locale without the letter: each raises in the
middle of `print`, and what stood after it, the closing of a position, would not be done.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO


def say(text: str) -> None:
    """A line, or several, to stdout, at once."""
    _write(sys.stdout, text)


def complain(text: str) -> None:
    """The same to stderr."""
    _write(sys.stderr, text)


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:  # started with the descriptor closed
        return
    try:
        print(_in_letters_of(stream, text), file=stream, flush=True)
    except OSError:
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
