"""Accounts at providers, and the desk; apart, because who looks at the desk needs no adapter."""
