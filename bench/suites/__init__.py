"""Throughput of every filter, the loader and the kernels beside their peers, as pytest-benchmark suites.

``make bench`` runs them and writes the report. A suite is a module with a generator of `contests` and one test.
"""
