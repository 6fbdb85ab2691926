"""What a supplier is asked for, and what its answers come to."""
