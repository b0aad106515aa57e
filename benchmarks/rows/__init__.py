"""The benchmarks, one module each: `rows(scale)` yields what it measured."""
