"""An auditor of the simulated venue: recomputes from its state file, with its own eyes, what went wrong in a run.

It imports nothing of the engine (an import contract says so): a defect there cannot hide itself here.
"""

from __future__ import annotations

from bench.audit.auditor import audit
from bench.audit.findings import Audit, Finding, Kind, Limits

__all__ = ["Audit", "Finding", "Kind", "Limits", "audit"]
