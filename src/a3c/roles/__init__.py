"""A worker's and a learner's side of training: what the loops of algorithms are written against."""
