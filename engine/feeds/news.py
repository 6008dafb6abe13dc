"""RSS or Atom bytes to stories, by a reader in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from engine.feeds.download import FeedError
from engine.feeds.stories import Story, read_entries, stories_of

MOST_BYTES = 2_000_000
READ_TIMEOUT_S = 15.0
_READER = Path(__file__).with_name("reader.py")


async def read_news(body: bytes, now_ms: int) -> tuple[Story, ...]:
    """The stories of one feed, newest first. Raises FeedError for what is no feed or cannot be read in time."""
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            written = await _ask_reader(body)
        answer = json.loads(written)
        version, entries = answer["version"], read_entries(answer["entries"])
    except TimeoutError:
        raise FeedError("takes too long to read") from None
    except OSError as error:
        raise FeedError(f"its reader cannot be started ({error.strerror})") from error
    except (ValueError, TypeError, KeyError):
        raise FeedError("cannot be read") from None
    if not version and not entries:
        raise FeedError("not a feed")
    return await asyncio.to_thread(stories_of, entries, now_ms)


def _environment() -> dict[str, str]:
    """Keys live in ours; the reader of strangers' bytes gets none of it but where libraries are."""
    return {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}


async def _ask_reader(body: bytes) -> bytes:
    """Its stdout; whatever happens, the process is gone afterwards."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(_READER),
        env=_environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        written, _ = await process.communicate(body)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return written
