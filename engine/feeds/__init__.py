"""What is read from outside the venue: Fear & Greed and headlines. Optional data, each source failing alone."""
