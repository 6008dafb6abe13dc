"""In front of the tests' own pandas for the programs they start: who installed Cynosure has none, and TA-Lib, where it
finds one, reads it at every start for half a second."""

raise ModuleNotFoundError("No module named 'pandas'", name="pandas")
