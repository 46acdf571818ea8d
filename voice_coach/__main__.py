"""`python -m voice_coach`: the same program as the `voice-coach` command."""

from voice_coach.cli import main

if __name__ == "__main__":
    main()
