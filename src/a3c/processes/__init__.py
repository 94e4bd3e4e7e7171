"""Processes: starting, watching and ending them, and what they share, arrays and pipes. Nothing knows of learning."""
