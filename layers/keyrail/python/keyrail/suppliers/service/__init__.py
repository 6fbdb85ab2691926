"""Use cases about suppliers."""
