"""Stepping environments with a policy: a Collector makes Segments."""
