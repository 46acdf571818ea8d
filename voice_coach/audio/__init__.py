"""Hear: read recordings, bring them to 16 kHz mono, keep takes on disk, find the voice, cut windows at pauses."""
