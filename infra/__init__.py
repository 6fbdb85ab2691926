"""The infrastructure of keyrail: one CDK stack per stage, and the local cloud that runs the same stack."""
