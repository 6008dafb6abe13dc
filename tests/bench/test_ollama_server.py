"""The scripted model server speaks Ollama's protocol and plays its script."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import httpx
import ollama
import pytest

from bench.briefs import SKETCHES, question
from bench.ollama_server.script import FAULTS, Script, ScriptError, Step, read_script
from bench.ollama_server.server import OllamaServer
from engine.synthesis.trading_system import ANSWER_SCHEMA

ASKED = question(SKETCHES[0])
MESSAGES = [{"role": "system", "content": ASKED.system}, {"role": "user", "content": ASKED.user}]


def test_the_real_client_finds_what_it_finds_at_a_real_server() -> None:
    with OllamaServer(Script()) as server:
        client = ollama.Client(server.host)
        assert [model.model for model in client.list().models] == ["qwen3.5:4b"]
        assert client.show("qwen3.5:4b").modelinfo is not None
        assert client.ps().models == []
        client.chat("qwen3.5:4b", [], options={"num_ctx": 3072})
        assert client.ps().models[0].context_length == 3072
        assert client.generate("qwen3.5:4b", "").response == "ok"
        with pytest.raises(ollama.ResponseError, match="not found") as refusal:
            client.chat("other", MESSAGES)
        assert refusal.value.status_code == 404
        assert httpx.get(f"{server.host}/api/version").json()["version"]
        assert server.requests == []


def test_a_stream_says_what_the_whole_reply_says() -> None:
    with OllamaServer(Script()) as server:
        client = ollama.Client(server.host)
        whole = client.chat("qwen3.5:4b", MESSAGES, format=ANSWER_SCHEMA)
        pieces = list(client.chat("qwen3.5:4b", MESSAGES, format=ANSWER_SCHEMA, stream=True))
    assert "".join(piece.message.content or "" for piece in pieces) == whole.message.content
    assert [piece.done for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert pieces[-1].prompt_eval_count == whole.prompt_eval_count
    assert json.loads(whole.message.content or "")["action"] == "BUY"


def test_a_script_of_steps_faults_and_digests_is_read_and_played(tmp_path: Path) -> None:
    path = tmp_path / "script.yaml"
    path.write_text(
        textwrap.dedent("""
        latency_s: 0.01
        models: [small:1b]
        digests: {1: one, 3: two}
        faults: {2: status 500}
        steps:
          - {action: SELL, reasoning: down}
          - persona
          - {verdict: ABORT, delay_s: 0.02}
          - {body: "<html>", status: 502}
        """),
        encoding="utf-8",
    )
    script = read_script(path)
    with OllamaServer(script) as server:
        chat = {"model": "small:1b", "messages": MESSAGES, "format": ANSWER_SCHEMA, "stream": False}
        said = [httpx.post(f"{server.host}/api/chat", json=chat) for _ in range(2)]
        digest = httpx.get(f"{server.host}/api/tags").json()["models"][0]["digest"]
        said += [httpx.post(f"{server.host}/api/chat", json=chat) for _ in range(3)]
    assert [reply.status_code for reply in said] == [200, 500, 200, 502, 502]
    assert json.loads(said[0].json()["message"]["content"])["action"] == "SELL"
    assert json.loads(said[2].json()["message"]["content"])["verdict"] == "ABORT"
    assert digest == "two"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("speed: 3\n", "unknown keys"),
        ("faults: {1: nonsense}\n", "unknown faults"),
        ("steps: []\n", "steps are empty"),
        ("steps: [{colour: red}]\n", "unknown keys"),
        ("steps: [\n", "expected"),
        ("- 1\n", "script.yaml"),
    ],
)
def test_a_script_that_cannot_be_played_is_refused_in_one_line(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "script.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScriptError, match=why) as refusal:
        read_script(path)
    assert "\n" not in str(refusal.value)


def test_every_fault_changes_a_reply() -> None:
    sound = Step(json.dumps({"action": "BUY", "signals_aligned": 7}, allow_nan=False))
    assert all(change(sound) != sound for change in FAULTS.values())


def test_from_the_command_line_it_says_where_it_listens_and_ends_when_told() -> None:
    command = [sys.executable, "-m", "bench.ollama_server", "--port", "0", "--latency", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ}) as process:
        assert process.stdout is not None
        host = re.search(r"http://\S+:\d+", process.stdout.readline())
        assert host is not None
        assert httpx.get(f"{host[0]}/api/tags").json()["models"]
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
