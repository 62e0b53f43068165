"""`python -m benchmarks`: every benchmark of the pipeline itself, one after the other."""

from benchmarks import growth, imports, runs

for benchmark in (imports, runs, growth):
    benchmark.main()
