"""What we hold: keys, batches and pools, and the rules of the claim."""
