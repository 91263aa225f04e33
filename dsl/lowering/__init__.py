"""From a program to a Halide pipeline: one module per kind of node, put together by ``pipeline.py``."""
