"""The rehearsal: ask, hear, judge, say, ask again. It knows no screen; a `Surface` shows it."""
