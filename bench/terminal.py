"""A program in a pseudo-terminal: keys in and bytes out, each with its instant."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyte


class Terminal:
    """Starts `command` as the leader of a session of its own. All instants are wall time in ns."""

    def __init__(
        self, command: Sequence[str], cwd: Path, environ: Mapping[str, str], size: tuple[int, int] = (160, 45)
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            env=dict(environ),
            start_new_session=True,
            preexec_fn=_own_terminal,  # noqa: PLW1509 - one system call, no lock is taken
        )
        os.close(slave)
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self._chunks: list[tuple[int, bytes]] = []
        self._fed = 0
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    def press(self, keys: str) -> int:
        """Writes the keys; the instant directly before the write."""
        data = keys.encode()
        at = time.time_ns()
        os.write(self._master, data)
        return at

    def text(self) -> str:
        """The screen as it is now."""
        while self._fed < len(self._chunks):
            self._feed()
        return "\n".join(self._screen.display)

    def painted_at(self, text: str) -> int | None:
        """When `text` came on the screen, looking from the last look on; None when it has not."""
        return self.first_at(lambda screen: text in screen)

    def first_at(self, holds: Callable[[str], bool]) -> int | None:
        """When the screen first was so, looking from the last look on; None when it was not."""
        while self._fed < len(self._chunks):
            at = self._feed()
            if holds("\n".join(self._screen.display)):
                return at
        return None

    def end(self, signal_number: int, patience_s: float = 30.0) -> int:
        """Signals the program and returns its exit status; it is killed when it does not end in time."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        try:
            code = self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self._reader.join(5.0)
        os.close(self._master)
        return code

    def _feed(self) -> int:
        at, data = self._chunks[self._fed]
        self._fed += 1
        self._stream.feed(data)
        return at

    def _read(self) -> None:
        """A pseudo-terminal whose other side has closed reads as an error."""
        while True:
            try:
                select.select([self._master], [], [])
                data = os.read(self._master, 65536)
            except OSError:
                return
            if not data:
                return
            self._chunks.append((time.time_ns(), data))


def _own_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
