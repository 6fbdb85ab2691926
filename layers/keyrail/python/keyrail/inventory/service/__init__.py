"""Claims, batches, imports and sold keys; apart, because each function needs one of them."""
