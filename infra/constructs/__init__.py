"""One construct per capability; each owns what belongs together."""
