"""Faults on order: what a client must survive, played by the very venue that it trades on.

Everything is seeded: the same file, the same requests and the same seed play the same faults.
"""
