"""Environments: made by id or factory, alone or as a vector, and which of their spaces are supported."""
