"""`python -m engine.forecast.child`: the process that holds the model.

Batches come in on stdin, answers go out on what was stdout; whatever a library prints goes to the log. It gives way
to the engine (nice 19), is the first that a machine without memory ends, and ends at once when its stdin closes,
because then the engine is gone, however that happened.
"""

from __future__ import annotations

import argparse
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from engine.forecast.pipe import Batch, line_of, read_batch, rows_of
from engine.forecast.timesfm_model import ModelRefused, load
from engine.model import FloatArray

NICE = 19
OOM_SCORE = "1000"


class Model(Protocol):
    """What is served."""

    device: str

    def quantiles(self, steps: int, series: Sequence[FloatArray]) -> FloatArray: ...


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.forecast.child")
    parser.add_argument("--file", type=Path, help="model.safetensors; without it the hub is asked")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args(arguments)
    return serve(lambda: load(given.file, given.device, given.context, given.threads))


def serve(make: Callable[[], Model]) -> int:
    """Makes the model, says so, and answers batch after batch until stdin closes."""
    give_way()
    answers = _private_stdout()
    batches: queue.SimpleQueue[Batch] = queue.SimpleQueue()
    # A handle of its own: the interpreter, when it ends, waits for whoever reads its sys.stdin.
    stdin = os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    threading.Thread(target=_listen, args=(stdin, batches), name="listen", daemon=True).start()
    began = time.monotonic()
    try:
        model = make()
    except ModelRefused as error:
        _say(answers, {"refused": str(error)})
        return 1
    _say(answers, {"device": model.device, "load_s": round(time.monotonic() - began, 3)})
    while True:
        batch = batches.get()
        began = time.monotonic()
        quantiles = model.quantiles(batch.steps, batch.series)
        _say(answers, {"quantiles": rows_of(quantiles), "took_s": round(time.monotonic() - began, 3)})


def give_way() -> None:
    """CPU and memory belong to the engine that trades."""
    os.nice(NICE)
    with suppress(OSError):  # Linux alone has it
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE, encoding="ascii")


def _private_stdout() -> BinaryIO:
    """The pipe to the engine for ourselves; what prints to stdout from now on prints to stderr."""
    pipe = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return pipe


def _say(answers: BinaryIO, answer: Mapping[str, Any]) -> None:
    answers.write(line_of(answer))
    answers.flush()


def _listen(stream: BinaryIO, batches: queue.SimpleQueue[Batch]) -> None:
    """Never behind a computation: a thread of its own reads, and ends the process without waiting for anything."""
    while (batch := read_batch(stream)) is not None:
        batches.put(batch)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
