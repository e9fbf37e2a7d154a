"""The report: what the paper claims, what was measured here, and what follows from it."""
