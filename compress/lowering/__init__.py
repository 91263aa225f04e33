"""The kernels as Halide algorithms with their schedules; only worker processes import them."""
