"""Runs of a day: asked for, gathered, compared, and put right by a person."""
