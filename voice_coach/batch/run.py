"""Judge many recordings into one file of results, and say what became of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from voice_coach.batch.results import Results
from voice_coach.batch.work import Engine, Outcome, State


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run ended. before: recordings that an earlier run had done. unjudged: name, state and why, in order."""

    before: int
    judged: int
    unjudged: tuple[tuple[str, State, str], ...]


def run(
    names: Sequence[str],
    out: Path,
    made_with: str,
    engine: Engine,
    *,
    begun: Callable[[int, int], None] = lambda before, left: None,
    told: Callable[[str, Outcome], None] = lambda name, outcome: None,
) -> Summary:
    """Judge each recording that the results do not hold yet.

    names: recordings, each once. begun: told how many are done already and how many are left. told: each outcome as
    it is written. Raises: UsageError, OutputError; what was written until then stays, as it does on Ctrl-C.
    """
    judged, unjudged = 0, []
    with Results(out, list(names), made_with) as results:
        left = [name for name in names if name not in results.done]
        begun(len(names) - len(left), len(left))
        for name, outcome in engine(left):
            results.add(name, outcome)
            told(name, outcome)
            if outcome.state == "judged":
                judged += 1
            else:
                unjudged.append((name, outcome.state, outcome.error or ""))
        before = len(names) - len(left)
    return Summary(before, judged, tuple(unjudged))
