"""The folder that holds one engine: config.yaml, storage/, logs/, and the lock that keeps it the only one."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO


class HomeError(Exception):
    """The folder cannot be used; the message names it and says what to do."""


class AlreadyRunning(HomeError):
    """Another engine holds this storage folder."""


@dataclass(frozen=True, slots=True)
class Home:
    """Paths of one installation of the engine; several can run side by side in different folders."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "config.yaml"

    @property
    def storage(self) -> Path:
        return self.root / "storage"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def database(self) -> Path:
        return self.storage / "cynosure.db"

    @property
    def status_file(self) -> Path:
        return self.storage / "status.json"

    @property
    def socket(self) -> Path:
        return self.storage / "engine.sock"

    def prepare(self) -> Home:
        """Creates the folders; raises HomeError when they cannot be written."""
        for folder in (self.root, self.storage, self.logs):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise HomeError(f"{folder}: cannot be created ({error.strerror}); choose another --home") from None
            if not os.access(folder, os.W_OK):
                raise HomeError(f"{folder}: not writable; fix its permissions or choose another --home")
        self.storage.chmod(0o700)
        return self


class StorageLock:
    """An OS lock on the storage folder: it goes with the process, however that ends."""

    def __init__(self, home: Home) -> None:
        self._path = home.storage / "engine.lock"
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Raises AlreadyRunning, naming the holder's pid."""
        file = self._path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = self.holder() or "another process"
            file.close()
            raise AlreadyRunning(
                f"{self._path.parent}: an engine already runs here (pid {holder}); "
                "look at it with --status, stop it first, or choose another --home"
            ) from None
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def holder(self) -> str | None:
        """The pid of the engine that holds the lock now; None when nobody does."""
        if not self._path.exists():
            return None
        with self._path.open("r", encoding="utf-8") as probe:
            try:
                fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return probe.read().strip() or "unknown"
        return None

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
