"""Trainings: what is prepared, started, watched, and kept of them."""
