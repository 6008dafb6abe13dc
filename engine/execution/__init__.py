"""The part that must never be wrong: journal, entry, guard, reconcile, kill switch."""
