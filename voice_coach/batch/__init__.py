"""Many recordings at once: judged side by side, one row each in a file of results that survives being stopped.

files → results (what is left to do) → engine (worker processes, or a Dask cluster) → results
"""
