"""The `voice-coach` program.

Results go to standard output, everything else to standard error. What the program can explain
ends as one line and exit code 2; anything else is a bug and keeps its traceback. Nothing heavy is
imported before a command needs it: a module of this folder holds a few commands and imports the rest
of the house inside them.
"""

from __future__ import annotations

import errno
import io
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voice_coach import __version__
from voice_coach.cli import analyze, archive, corrections, history, machine, plan, practice, report, takes, voices
from voice_coach.cli.common import INTERRUPTED_EXIT, USAGE_EXIT, complain
from voice_coach.errors import OutputError, UsageError, VoiceCoachError

if TYPE_CHECKING:
    from collections.abc import Callable

NUMPY_THREADS = "OPENBLAS_NUM_THREADS"
"""What numpy reads as it is loaded: threads for products of matrices. One, because with more the last digits depend on
their number, and through them words and times: the same recording must be judged alike on any machine, alone or among
many. It is no slower, as waiting threads spin: an eighth of all processor time with two jobs on two cores. Whisper has
threads of its own, which change nothing in what it writes; Dask's workers come with this setting."""

_OUT_OF_REACH = (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG)
"""What is wrong with a path that somebody gave."""

app = typer.Typer(
    name="voice-coach",
    help="An offline spoken mock interviewer: rehearse “How do you handle incident response?” aloud, "
    "and hear how it was.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"voice-coach {__version__}")
        raise typer.Exit


@app.callback()
def _global(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log what is done, transcript included.")] = False,
) -> None:
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.ERROR, stream=sys.stderr, format="%(name)s: %(message)s"
    )


app.command()(practice.practice)
app.command()(practice.drill)
app.command()(analyze.analyze)
app.command()(analyze.coverage)
app.command()(machine.devices)
app.command()(machine.doctor)
app.command()(voices.voices)
app.command("settings")(machine.show_settings)
app.command()(takes.recover)
app.command()(report.report)
app.command()(report.compare)
app.command()(report.progress)
app.command()(plan.plan)
app.command()(history.history)
app.command()(history.show)
app.command()(history.play)
app.command()(history.delete)
app.command()(history.forget)
app.command()(corrections.fillers)
app.command()(corrections.reanalyze)
app.command("import")(archive.import_files)
app.command()(archive.export)
app.command()(archive.backup)
app.command()(archive.restore)
app.add_typer(machine.models_app, name="models")


def run(arguments: list[str] | None = None) -> int:
    """The program as a function: its exit code."""
    os.environ.setdefault(NUMPY_THREADS, "1")
    command: Callable[..., object] = typer.main.get_command(app)
    words = sys.argv[1:] if arguments is None else arguments
    result: object
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a file's name need not be UTF-8; standard error is like this from the start
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        result = command(args=words or ["practice"], prog_name="voice-coach", standalone_mode=False)
    except typer.TyperException as exc:
        told = getattr(exc, "format_message", exc.__str__)()
        complain(UsageError(f"{told} (see: voice-coach --help)"))
        return USAGE_EXIT
    except (KeyboardInterrupt, typer.Abort):
        result = INTERRUPTED_EXIT
    except VoiceCoachError as exc:
        complain(exc)
        return USAGE_EXIT
    except BrokenPipeError:
        # the reader of our output went away; there is nobody left to tell
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
        return 0
    except OSError as exc:
        if exc.errno in _OUT_OF_REACH and exc.filename is not None:
            complain(UsageError(f"{exc.filename}: {exc.strerror}; name another place, or mend its permissions"))
            return USAGE_EXIT
        if exc.errno != errno.ENOSPC:
            raise
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
        complain(OutputError("the disk is full; free some space and run it again"))
        return USAGE_EXIT
    if result == INTERRUPTED_EXIT:
        typer.echo("voice-coach: stopped", err=True)
    return result if isinstance(result, int) else 0


def main() -> None:
    """Entry point of the `voice-coach` command."""
    sys.exit(run())


if __name__ == "__main__":
    main()
