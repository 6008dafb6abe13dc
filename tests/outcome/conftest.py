"""The same engine on the same kind of venue as the tests of execution."""

from tests.execution.conftest import rig, sim

__all__ = ["rig", "sim"]
