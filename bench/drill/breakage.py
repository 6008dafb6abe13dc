"""What breaks on this side of the wire: the process, its disk, its database, its model. Steps of the daemon driver."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import suppress

import yaml

from bench.drill.daemon_driver import ROOT, DaemonDriver
from engine.exchange.simulator.embedded import EmbeddedVenue

GARBAGE = {"message": {"content": '{"action": ["BUY"], "confidence": "１．５", "reasoning'}, "done": True}


async def crash(driver: DaemonDriver, at: str) -> None:
    """A trade of BTC by a process that SIGKILL ends at this boundary; bench.crash_steps says which there are."""
    command = [sys.executable, "-m", "bench.crash_steps", str(driver.home.root), "0", at]
    ended = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ended.returncode == -signal.SIGKILL, f"{at}: ended with {ended.returncode}: {ended.stderr[-300:]}"


async def lock_db(driver: DaemonDriver, seconds: float) -> None:
    """Another program holds the database for so long; the scenario goes on meanwhile."""
    holder = sqlite3.connect(driver.home.database, timeout=10, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN EXCLUSIVE")

    def release() -> None:
        holder.execute("ROLLBACK")
        holder.close()

    timer = threading.Timer(seconds, release)
    timer.daemon = True
    timer.start()


async def disk_full(driver: DaemonDriver, full: bool) -> None:
    """No file of the running program can grow any more: database, journal, logs, status. False = room again."""
    assert driver.process is not None, "it was never started"
    _, hard = resource.prlimit(driver.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(driver.process.pid, resource.RLIMIT_FSIZE, (0 if full else hard, hard))


async def venue_dies(driver: DaemonDriver, _: object) -> None:
    """SIGKILL to the simulated venue; its state file is what is left of it."""
    venue = await asyncio.to_thread(EmbeddedVenue.find, driver.home.root)
    assert venue is not None, "no venue runs"
    os.kill(venue.pid, signal.SIGKILL)


async def model(driver: DaemonDriver, how: str) -> None:
    """From the next start on a language model answers: `hang` takes the question and is silent, `garbage` answers
    with what no parser can use."""
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_answer, args=(server, how), daemon=True).start()
    document = yaml.safe_load(await asyncio.to_thread(driver.home.config.read_text, encoding="utf-8"))
    host = f"http://127.0.0.1:{server.getsockname()[1]}"
    document["llm"] = {"backend": "ollama", "host": host, "timeout_s": 5.0, "skip_when_forced": False}
    await asyncio.to_thread(driver.home.config.write_text, yaml.safe_dump(document), encoding="utf-8")


def _answer(server: socket.socket, how: str) -> None:
    """Every question alike: that it has the model, or the same chat."""
    kept: list[socket.socket] = []
    with suppress(OSError):
        while True:
            line, _ = server.accept()
            kept.append(line)
            question = line.recv(65536)
            if how == "hang" and b"/api/chat" in question.split(b"\r\n", 1)[0]:
                continue
            models = {"models": [{"name": "qwen3.5:4b", "model": "qwen3.5:4b", "digest": "0"}]}
            body = json.dumps(
                GARBAGE if b"/api/chat" in question.split(b"\r\n", 1)[0] else models, allow_nan=False
            ).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            line.sendall(f"{head}Connection: close\r\n\r\n".encode() + body)
            line.close()
