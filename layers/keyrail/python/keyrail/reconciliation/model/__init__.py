"""A day at a provider: what its statement says, what we know of, and where the two differ. Pure."""
