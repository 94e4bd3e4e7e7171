"""Processes: the shared parameters, starting and watching workers."""
