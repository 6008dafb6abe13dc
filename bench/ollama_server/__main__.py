"""`python -m bench.ollama_server [--port 11434] [--script FILE] [--latency 2]`: a model server without a model.

Without a script a persona answers from each brief, so that the cockpit can be tried without a GPU: start it, then
start Cynosure with `llm.backend: ollama`. Ctrl-C ends it.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

from bench.ollama_server.script import Script, ScriptError, read_script
from bench.ollama_server.server import OllamaServer


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.ollama_server", description=__doc__)
    parser.add_argument("--port", type=int, default=11434, help="0 = any free one")
    parser.add_argument("--script", type=Path, metavar="FILE", help="steps and faults, YAML or JSON")
    parser.add_argument("--latency", type=float, default=1.0, metavar="S", help="seconds added to every call")
    given = parser.parse_args()
    try:
        script = read_script(given.script) if given.script else Script()
        with OllamaServer(replace(script, latency_s=script.latency_s or given.latency), port=given.port,
                          told=lambda line: print(line, flush=True)) as server:  # fmt: skip
            print(f"scripted Ollama on {server.host}, models {', '.join(script.models)}", flush=True)
            _until_told()
    except (ScriptError, OSError) as error:
        print(f"ollama_server: {error}", file=sys.stderr)
        return 2
    return 0


def _until_told() -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()


if __name__ == "__main__":
    sys.exit(main())
