"""Throughput of every filter, the loader and the kernels beside their peers, as pytest-benchmark suites.

``make bench`` runs them and writes the report; ``python -m pytest bench/suites --scale try`` shows that they run. A
suite is a module with a generator of `contests` and one test. What is computed is a `contest.Work`, a filter on an
image, or a `contest.Task`, anything else.
"""
