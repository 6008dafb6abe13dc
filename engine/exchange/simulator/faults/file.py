"""A fault file: YAML, or JSON, which is YAML too."""

from __future__ import annotations

from pathlib import Path

import yaml

from engine.exchange.simulator.faults.catalogue import FaultError, read_faults
from engine.exchange.simulator.faults.spec import Fault


class FaultFileError(Exception):
    """A fault file that cannot be used. One line: the file, the entry, the key, what is allowed."""


def read_fault_file(path: Path) -> tuple[int, tuple[Fault, ...]]:
    """(seed, faults). Raises FaultFileError."""
    try:
        return read_faults(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise FaultFileError(f"fault file {path} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark is not None else ""
        raise FaultFileError(f"fault file {path}{line}: neither YAML nor JSON") from None
    except FaultError as error:
        raise FaultFileError(f"fault file {path}: {error}") from None
