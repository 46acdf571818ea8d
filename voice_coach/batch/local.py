"""Worker processes on this machine. One that dies costs nobody else anything, and its recording is tried once more."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from voice_coach.batch.work import Engine, Job, Outcome, judge

MOST_TRIES = 2
"""Whatever killed a worker may have been the machine's doing; twice in a row it is the recording's."""

WORKER_BYTES = 700_000_000
"""Memory of a worker at its most, with both models and a window in work (scripts/bench.py: 449 MB)."""


def useful_jobs() -> int:
    """Worker processes that this machine has cores and memory for."""
    cores = usable_cores()
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return cores
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    # half of the memory is left to everything else
    return max(1, min(cores, memory // 2 // WORKER_BYTES))


def usable_cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def local(job: Job, jobs: int) -> Engine:
    """An engine of so many worker processes."""

    def engine(names: Iterable[str]) -> Iterator[tuple[str, Outcome]]:
        return _judged(job, jobs, iter(names))

    return engine


class _Worker:
    """A process with a line to it; name is the recording it has in work."""

    def __init__(self, job: Job) -> None:
        # forking a process that has threads and locks in the libraries' hands is no way to start one
        context = multiprocessing.get_context("spawn")
        self.line, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=_serve, args=(theirs, job), daemon=True)
        self.process.start()
        theirs.close()
        self.name: str | None = None

    def begin(self, name: str) -> None:
        self.name = name
        # a process that is no more tells so by the end of its line
        with suppress(OSError):
            self.line.send(name)

    def outcome(self) -> Outcome:
        """Raises: EOFError, OSError where the process is no more."""
        found: Outcome = self.line.recv()
        return found

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.line.close()


def _serve(line: Connection, job: Job) -> None:
    # Ctrl-C goes to every process of the terminal; what is to be done about it is decided in one place
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            name: str = line.recv()
            line.send(judge(job, name))
        except (EOFError, BrokenPipeError):
            return


def _judged(job: Job, jobs: int, names: Iterator[str]) -> Iterator[tuple[str, Outcome]]:
    workers: list[_Worker] = []
    tries: Counter[str] = Counter()
    try:
        for name in names:
            workers.append(_Worker(job))
            _give(workers[-1], name, tries)
            if len(workers) == jobs:
                break
        while workers:
            lines = {worker.line: worker for worker in workers}
            for line in wait(list(lines)):
                worker = lines[line]  # type: ignore[index]
                done = worker.name
                assert done is not None
                try:
                    outcome = worker.outcome()
                except (EOFError, OSError):
                    how = _death(worker.process)
                    worker.end()
                    workers.remove(worker)
                    if tries[done] < MOST_TRIES:
                        workers.append(_Worker(job))
                        _give(workers[-1], done, tries)
                        continue
                    outcome = Outcome("failed", f"{done}: the process judging it {how}, {MOST_TRIES} times")
                    worker = _Worker(job)
                    workers.append(worker)
                del tries[done]
                following = next(names, None)
                if following is None:
                    worker.end()
                    workers.remove(worker)
                else:
                    _give(worker, following, tries)
                yield done, outcome
    finally:
        for worker in workers:
            worker.end()


def _give(worker: _Worker, name: str, tries: Counter[str]) -> None:
    tries[name] += 1
    worker.begin(name)


def _death(process: SpawnProcess) -> str:
    process.join()
    code = process.exitcode or 0
    if code == -signal.SIGKILL:
        return "was killed (out of memory? use fewer --jobs)"
    return f"died ({signal.Signals(-code).name})" if code < 0 else f"ended with exit code {code}"
