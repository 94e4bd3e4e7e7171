"""Pure mathematics: returns, losses, distributions, optimizers. Nothing here knows of processes or environments."""
