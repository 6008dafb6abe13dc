"""An OKX-compatible exchange of its own process, on loopback."""
