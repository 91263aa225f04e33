"""Measurements: how fast, against whom, and what it costs to start."""
