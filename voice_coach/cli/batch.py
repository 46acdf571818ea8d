"""`analyze --out`: many recordings at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from voice_coach.cli.common import INTERRUPTED_EXIT, USAGE_EXIT, DeviceOption, LevelChoice, user_settings
from voice_coach.errors import UsageError

if TYPE_CHECKING:
    from voice_coach.batch.run import Summary
    from voice_coach.batch.work import Engine, Job, Outcome

MOST_TOLD = 20
"""Recordings named again in the summary; all of them are in the results."""


def analyze_many(
    files: Sequence[str],
    out: Path,
    *,
    level: LevelChoice | None,
    device: DeviceOption,
    model: str,
    jobs: str | None,
    scheduler: str | None,
) -> None:
    """Judge the files into `out`; exits with 2 where some could not be judged, with 130 on Ctrl-C."""
    from voice_coach.batch.local import local, usable_cores, useful_jobs
    from voice_coach.batch.run import run
    from voice_coach.batch.work import Job

    if scheduler is not None and jobs is not None:
        raise UsageError("--jobs is for this machine, --scheduler for others; give one of them")
    count = _count(jobs) or (1 if device is DeviceOption.cuda else useful_jobs())
    settings = user_settings()
    target = (settings.target_min_s, settings.target_max_s)
    names = list(dict.fromkeys(files))
    job = Job(
        level=level.value if level else settings.level,
        whisper=model,
        device=device.value,
        # processes that each use all cores only get into each other's way
        threads=1 if scheduler is not None else max(1, usable_cores() // count),
        terms=settings.terms,
        target_s=None if target[0] is None or target[1] is None else (target[0], target[1]),
    )
    made_with = job.made_with()
    engine = _cluster(job, scheduler) if scheduler is not None else local(job, min(count, len(names)))
    notes: set[str] = set()
    with _progress() as (begun, done, tell):

        def told(name: str, outcome: Outcome) -> None:
            done(None if outcome.error is None else f"voice-coach: {_line(name, outcome.error)}")
            if outcome.note and outcome.note not in notes:
                notes.add(outcome.note)
                tell(f"voice-coach: {outcome.note}")

        try:
            summary = run(
                names,
                out,
                made_with,
                engine,
                begun=begun,
                told=told,
            )
        except KeyboardInterrupt:
            tell(f"voice-coach: what is done is in {out}; the same command goes on from there")
            raise typer.Exit(INTERRUPTED_EXIT) from None
    _sum_up(summary, out)
    if summary.unjudged:
        raise typer.Exit(USAGE_EXIT)


def _count(jobs: str | None) -> int | None:
    """So many worker processes; None for as many as are useful."""
    if jobs is None or jobs == "auto":
        return None
    if not jobs.isdecimal() or int(jobs) < 1:
        raise UsageError(f"--jobs {jobs}: give a number from 1 on, or auto")
    return int(jobs)


def _cluster(job: Job, address: str) -> Engine:
    from voice_coach.batch.cluster import cluster

    return cluster(job, address)


def _line(name: str, error: str) -> str:
    """One recording's failure; names that are no UTF-8 are told as the results have them."""
    from voice_coach.batch.results import written

    return written(error if error.startswith(name) else f"{name}: {error}")


@contextmanager
def _progress() -> Iterator[tuple[Callable[[int, int], None], Callable[[str | None], None], Callable[[str], None]]]:
    """(begun, one more is done, say a line), all on standard error; a bar only where somebody watches."""

    def say(line: str) -> None:
        typer.echo(line, err=True)

    if not sys.stderr.isatty():
        yield lambda before, left: None, lambda line: say(line) if line else None, say
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("Judging"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True, highlight=False, markup=False),
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=None)

        def begun(before: int, left: int) -> None:
            bar.update(task, completed=before, total=before + left)

        def done(line: str | None) -> None:
            if line:
                bar.console.print(line, soft_wrap=True)
            bar.advance(task)

        yield begun, done, lambda line: bar.console.print(line, soft_wrap=True)


def _sum_up(summary: Summary, out: Path) -> None:
    before = f", {summary.before} were done before" if summary.before else ""
    typer.echo(f"{summary.judged} judged{before}; results in {out}")
    if not summary.unjudged:
        return
    typer.echo(f"{len(summary.unjudged)} could not be judged:")
    for name, state, why in summary.unjudged[:MOST_TOLD]:
        typer.echo(f"  {state}: {_line(name, why)}")
    if len(summary.unjudged) > MOST_TOLD:
        typer.echo(f"  … and {len(summary.unjudged) - MOST_TOLD} more; see the column “state”")
