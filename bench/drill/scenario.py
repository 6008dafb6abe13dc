"""A scenario as its file says it (tests/scenarios/*.yaml): what breaks, what is done meanwhile, how it must end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from engine.exchange.simulator.faults.catalogue import FaultError, read_faults
from engine.reasons import Reason

SCENARIOS = Path(__file__).resolve().parents[2] / "tests" / "scenarios"
NAKED_LIMIT_S = 30.0


class ScenarioError(Exception):
    """A scenario file that cannot be played. One line."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def inst(name: str) -> str:
    """`BTC` is short for `BTC-USDT-SWAP`."""
    return name if "-" in name or name == "*" else f"{name}-USDT-SWAP"


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Reasons = Annotated[list[Reason], BeforeValidator(_one_or_many)]
State = Literal["protected", "flat", "open"]


class Expect(_Part):
    """How it must end. What is not named is not asked, but for `orphans`, `duplicates`, `throttled`,
    `max_unprotected_s` and the auditor, which are always asked.

    `positions`: `protected` = open, and live stop and target cover all of it; `flat`; `open` = open, whatever covers
    it. `entry`: the reason (or one of them) that the last entry ended with. `entries`: how many entry orders the
    venue ever filled. `brackets`: live ones. `blocked`: why nothing may open there (`*` = anywhere). `closed_trades`:
    the reasons of all trades in the books, in any order. `logs`: texts that were told. `foreign`: instruments on which
    somebody else trades; what is uncovered there is not ours. `state`: the daemon's. `latch`: the kill switch's.
    `codes`: exit codes of the daemon and of other runs of the program, in their order.
    `throttled`: how many requests the venue may have refused for want of patience (50011). `audit`: findings that this
    scenario makes unavoidable.
    """

    positions: dict[str, State] = Field(default_factory=dict)
    entry: Reasons | None = None
    entries: int | None = None
    brackets: dict[str, int] = Field(default_factory=dict)
    orphans: int = 0
    duplicates: int = 0
    max_unprotected_s: float = NAKED_LIMIT_S
    blocked: dict[str, Reasons] = Field(default_factory=dict)
    halted: Reasons | None = None
    closed_trades: list[Reason] | None = None
    logs: Annotated[list[str], BeforeValidator(_one_or_many)] = Field(default_factory=list)
    foreign: list[str] = Field(default_factory=list)
    state: str | None = None
    latch: str | None = None
    codes: list[int] | None = None
    throttled: int = 0
    audit: list[str] = Field(default_factory=list)


class Scenario(_Part):
    """`row` and `fault` are the matrix's words.

    `boot_faults` play while the desk boots (or the daemon starts); then `held` are entered, which must succeed; then
    `faults` are armed and `do` begins. A daemon's `held` are entered before it exists, and its `faults` are armed
    before its first step. `timing` overrides fields of ExecutionTiming; `config` are config.yaml's keys.
    """

    name: str
    row: str
    fault: str
    why: str
    driver: Literal["desk", "daemon"] = "desk"
    quick: bool = False
    seed: int = 7
    speed: float = 60.0
    timing: dict[str, float | int] = Field(default_factory=dict)
    config: dict[str, Any] = Field(default_factory=dict)
    held: Annotated[list[str], BeforeValidator(_one_or_many)] = Field(default_factory=list)
    boot_faults: list[dict[str, Any]] = Field(default_factory=list)
    faults: list[dict[str, Any]] = Field(default_factory=list)
    do: Annotated[list[dict[str, Any]], Field(min_length=1)]
    expect: Expect

    @model_validator(mode="after")
    def _faults_are_faults(self) -> Scenario:
        for faults in (self.boot_faults, self.faults):
            read_faults({"faults": list(faults)})
        for step in self.do:
            if len(step) != 1:
                raise ValueError(f"a step is one key with its value, got {step}")
        return self


def read_scenario(path: Path) -> Scenario:
    """Raises ScenarioError."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Scenario.model_validate({**document, "name": path.stem})
    except (OSError, yaml.YAMLError, TypeError, FaultError) as error:
        raise ScenarioError(f"{path.name}: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in problem["loc"])
        raise ScenarioError(f"{path.name}: {key}: {problem['msg']}") from None


def scenario_paths(folder: Path = SCENARIOS) -> list[Path]:
    return sorted(folder.glob("*__*.yaml"))


def chosen_scenarios(names: list[str], folder: Path = SCENARIOS) -> list[Scenario]:
    """All of them, or those whose names begin with one of `names`. Raises ScenarioError."""
    paths = scenario_paths(folder)
    for name in names:
        if not any(path.stem.startswith(name) for path in paths):
            raise ScenarioError(f"no scenario is called {name}…; they are in {folder.parent.name}/{folder.name}")
    return [read_scenario(p) for p in paths if not names or any(p.stem.startswith(name) for name in names)]
