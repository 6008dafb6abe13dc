"""What came of it: closed trades and today's money."""
