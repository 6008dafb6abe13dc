"""The scripted model server, under the names that tests use."""

from __future__ import annotations

from bench.ollama_server.script import DIGEST, FAULTS, MODEL, PERSONA, Script, Step, advice, answer
from bench.ollama_server.server import OllamaServer

__all__ = ["DIGEST", "FAULTS", "MODEL", "PERSONA", "OllamaServer", "Script", "Step", "advice", "answer"]
