"""What a training leaves behind: the run folder, checkpoints, metrics, the curve."""
