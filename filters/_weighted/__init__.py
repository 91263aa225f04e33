"""Averages whose weights depend on the pixels: bilateral and joint bilateral filters, any table, non-local means."""
