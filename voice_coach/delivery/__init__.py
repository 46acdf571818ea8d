"""Measure delivery: time, pace, pauses, fillers. Pure functions over words and spans."""
