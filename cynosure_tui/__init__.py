"""The cockpit: it watches and asks; it holds no trading state."""
