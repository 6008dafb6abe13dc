"""Pure: gates, sizing, stops, calibration, correlation."""
