"""OKX v5 over python-okx: the same adapter for live, paper and the simulator."""
