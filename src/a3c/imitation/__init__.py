"""Behavioural cloning: a policy that does what was done in demonstrations, to be trained on from there."""
