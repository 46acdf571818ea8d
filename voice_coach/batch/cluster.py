"""The same on several machines, through a Dask scheduler. Needs the `cluster` extra."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from voice_coach.batch.work import Engine, Job, Outcome, judge
from voice_coach.errors import UsageError

if TYPE_CHECKING:
    from distributed import Client, Future

ANSWER_S = 4
"""A scheduler that is there answers well within this."""

AHEAD = 2
"""Recordings handed out for each worker process: one in work and one behind it."""


def cluster(job: Job, address: str) -> Engine:
    """An engine of all workers of a scheduler, such as tcp://192.0.2.7:8786.

    Each worker machine has this program, the same version of it, and the recordings under the same paths; a worker
    judges one at a time in each of its processes (`dask worker --nworkers 4 --nthreads 1 ADDRESS`).

    Raises: UsageError where Dask is not installed, nobody answers, or there is no worker.
    """
    try:
        from distributed import Client
    except ImportError as exc:
        raise UsageError("--scheduler needs Dask; get it with: pip install 'voice-coach[cluster]'") from exc
    # it complains at length, from threads of its own, about what ends here as one line
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=ANSWER_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as exc:
        raise UsageError(f"no Dask scheduler answers at {address}; start one with: dask scheduler") from exc
    workers = len(client.scheduler_info(n_workers=-1)["workers"])
    if not workers:
        client.close()
        raise UsageError(f"the scheduler at {address} has no workers; start some with: dask worker {address}")

    def engine(names: Iterable[str]) -> Iterator[tuple[str, Outcome]]:
        return _judged(client, job, workers, iter(names))

    return engine


def _judged(client: Client, job: Job, workers: int, names: Iterator[str]) -> Iterator[tuple[str, Outcome]]:
    from distributed import as_completed

    def hand_out(name: str) -> Future[Outcome]:
        future: Future[Outcome] = client.submit(judge, job, name, pure=False)
        in_work[future.key] = name
        return future

    in_work: dict[str, str] = {}
    try:
        handed_out = as_completed([hand_out(name) for name in islice(names, AHEAD * workers)], loop=client.loop)
        for future in handed_out:
            name = in_work.pop(future.key)
            failure = future.exception()
            if failure is None:
                outcome: Outcome = future.result()
            else:
                # a worker that dies is Dask's to replace; it gives a recording up after a few of them
                outcome = Outcome("failed", f"{name}: {type(failure).__name__}: {' '.join(str(failure).split())}")
            for following in islice(names, 1):
                handed_out.add(hand_out(following))
            yield name, outcome
    finally:
        client.close()
