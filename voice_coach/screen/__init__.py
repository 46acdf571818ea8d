"""The screen of a rehearsal: full (Textual), or plain lines where there is no terminal to draw on."""
