"""Judge many recordings into one file of results, and say what became of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from voice_coach.batch.results import Results
from voice_coach.batch.work import Engine, Outcome, State


@dataclass(frozen=True, slots=True)
class Summary:
    """How things stand at the end of a run.

    judged: recordings judged now; before: those that an earlier run had done. unjudged: name, state and why of all that
    could not be judged, those of an earlier run first.
    """

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
    with Results(out, names, made_with) as results:
        unjudged += [(name, one.state, one.error or "") for name, one in results.before.items() if one.error]
        left = [name for name in names if name not in results.before]
        begun(len(results.before), len(left))
        for name, outcome in engine(left):
            results.add(name, outcome)
            told(name, outcome)
            if outcome.state == "judged":
                judged += 1
            else:
                unjudged.append((name, outcome.state, outcome.error or ""))
    return Summary(len(results.before), judged, tuple(unjudged))
