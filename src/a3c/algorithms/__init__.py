"""The algorithms: a worker's loop each, in one file that reads like its paper's pseudocode."""
