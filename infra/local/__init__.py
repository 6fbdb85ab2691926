"""The local cloud: the same stack, deployed by the same command line, on this machine."""
