"""Show it: an assessment for a person at a terminal, or as JSON."""
