"""Fault scenarios: one file a cell of the fault matrix, played on the real parts, measured by the venue's own books."""
