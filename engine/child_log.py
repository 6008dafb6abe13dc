"""The file that a child's output goes to. Another process holds it open, so it cannot be renamed away: what is in it is
copied beside it and the file is emptied, which a writer in append mode does not notice."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

EMPTY_AT_BYTES = 5_000_000


def bound(log: Path, limit: int = EMPTY_AT_BYTES) -> None:
    """Keeps `log` and one older copy below about `limit` each. A disk that refuses changes nothing."""
    with suppress(OSError):
        if log.stat().st_size > limit:
            try:
                shutil.copyfile(log, log.with_suffix(f".1{log.suffix}"))
            finally:
                os.truncate(log, 0)
