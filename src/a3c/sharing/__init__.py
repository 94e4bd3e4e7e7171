"""What the processes of a run share: parameters, segments, questions and answers."""
