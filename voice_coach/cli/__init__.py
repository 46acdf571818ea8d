"""The command line: `program` puts the commands together, the other modules hold some each."""

from voice_coach.cli.program import main, run

__all__ = ["main", "run"]
