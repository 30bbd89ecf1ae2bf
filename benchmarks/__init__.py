"""Benchmarks of zbuf against what a Python programmer would write instead."""
