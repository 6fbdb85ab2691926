"""Sealing and fingerprinting, apart: who only names codes does not pay for the ciphers at its start."""
