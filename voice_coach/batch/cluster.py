"""The same on several machines, through a Dask scheduler. Needs the `cluster` extra."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from voice_coach.batch.work import Engine, Job, Outcome, judge
from voice_coach.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client, Future

ANSWER_S = 4
"""A scheduler that is there answers well within this."""

AHEAD = 2
"""Recordings handed out for each worker process: one in work and one behind it."""


def cluster(job: Job, address: str) -> Engine:
    """An engine of all workers of a scheduler, such as tcp://192.0.2.7:8786.

    Each worker machine has this program, the same version of it, and the recordings under the same paths; a worker
    judges one at a time in each of its processes (`dask worker --nworkers 4 --nthreads 1 ADDRESS`). Where workers
    go away the others do their work; where all are gone it waits for one to come back.

    Raises: ClusterError where Dask is not installed, nobody answers, there is no worker, or one would judge otherwise
    than this machine; the engine, where the scheduler goes away.
    """
    try:
        from distributed import Client
    except ImportError as exc:
        raise ClusterError("--scheduler needs Dask; get it with: pip install 'voice-coach[cluster]'") from exc
    # it complains at length, from threads of its own, about what ends here as one line
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=ANSWER_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as exc:
        raise ClusterError(f"no Dask scheduler answers at {address}; start one with: dask scheduler") from exc
    try:
        workers = _fit_workers(client, job, address)
    except BaseException:
        client.close()
        raise

    def engine(names: Iterable[str]) -> Iterator[tuple[str, Outcome]]:
        try:
            yield from _judged(client, job, workers, iter(names))
        finally:
            client.close()

    return engine


def _fit_workers(client: Client, job: Job, address: str) -> int:
    """How many workers there are, after each was asked what it judges with."""
    answers = client.run(job.made_with, on_error="return")
    if not answers:
        raise ClusterError(f"the scheduler at {address} has no workers; start some with: dask worker {address}")
    wanted = job.made_with()
    for worker, answer in answers.items():
        if answer != wanted:
            told = (
                f"judges with {answer}, not {wanted}"
                if isinstance(answer, str)
                else f"can't judge: {_one_line(answer)}"
            )
            raise ClusterError(f"the worker {worker} {told}; install the same voice-coach and models there")
    return len(answers)


def _judged(client: Client, job: Job, workers: int, names: Iterator[str]) -> Iterator[tuple[str, Outcome]]:
    from distributed import as_completed

    def hand_out(name: str) -> Future[Outcome]:
        future: Future[Outcome] = client.submit(judge, job, name, pure=False)
        in_work[future.key] = name
        return future

    in_work: dict[str, str] = {}
    handed_out = as_completed([hand_out(name) for name in islice(names, AHEAD * workers)], loop=client.loop)
    for future in handed_out:
        if future.cancelled():
            raise ClusterError("the Dask scheduler went away; what is done is kept: start it and run this again")
        name = in_work.pop(future.key)
        failure = future.exception()
        # a worker that dies is Dask's to replace; it gives a recording up after a few of them
        outcome = future.result() if failure is None else Outcome("failed", f"{name}: {_one_line(failure)}")
        for following in islice(names, 1):
            handed_out.add(hand_out(following))
        yield name, outcome


def _one_line(failure: BaseException) -> str:
    return f"{type(failure).__name__}: {' '.join(str(failure).split())}"
