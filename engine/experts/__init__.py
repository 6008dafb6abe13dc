"""Pure: data in, signals out. No I/O, no clock."""
