"""Local Laplacian filtering: ``series`` (numbers), ``programs`` (what is compiled), ``call`` (the public filter)."""
