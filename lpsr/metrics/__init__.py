"""Judging pictures: fidelity to a reference, what was read, and degradation seen without a reference."""
