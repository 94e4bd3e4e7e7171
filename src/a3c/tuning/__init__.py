"""Tuning: trials with other settings, each with several seeds, and the best of them as a recipe.

In use:

    tuner = Tuner(tuning, study, display)       study.py keeps the trials, in a file
    tuner.run()                                 until there are enough of them, or it is interrupted
    write_recipe(tuning, study.best); draw(study.trials, ...)
"""
