"""Threads that work on the same objects, as hard as they can."""
