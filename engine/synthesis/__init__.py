"""From brief to answer: prompt, clients, parser and the deterministic rules."""
