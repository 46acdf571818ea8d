"""Keep it: every take with what was heard in it, for as long as its owner wants."""
