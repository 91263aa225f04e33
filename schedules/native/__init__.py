"""The native side of the scheduling layer: compile, cache, load, call."""
