"""Compose feedback: what to say first, what to fix, what to ask next. Pure."""
