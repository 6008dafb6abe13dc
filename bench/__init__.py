"""One command a figure; each prints one JSON line."""
