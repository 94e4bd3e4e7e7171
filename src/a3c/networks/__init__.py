"""Networks: Equinox modules that map one observation to features, and to a policy and a value."""
