"""Pure risk: gates, sizing, stops, calibration, correlation. No I/O, no clock, no exchange."""
