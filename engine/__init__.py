"""Cynosure's engine: a functional core that decides, an imperative shell that fetches and trades."""
