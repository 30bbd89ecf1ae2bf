"""Whole programs that use zbuf."""
