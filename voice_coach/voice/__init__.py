"""Say it: the speech engine in a child process, and playback."""
