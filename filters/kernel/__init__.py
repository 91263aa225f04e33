"""``python -m filters kernel``: how well a few sliding oscillators do for a kernel."""
