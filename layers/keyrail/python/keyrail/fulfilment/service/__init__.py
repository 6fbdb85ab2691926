"""Settlement, issuance and delivery; apart, because only one function may decrypt."""
