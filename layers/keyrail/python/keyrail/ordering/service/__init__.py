"""Checkout, and orders as they stand; apart, because who only reads orders needs no payment provider."""
