"""Hear: read recordings, bring them to 16 kHz mono, find the voice, cut windows at pauses."""
