"""OKX's WebSockets: three lines that ring a bell. Nothing that they say is ever acted upon without asking by REST."""
