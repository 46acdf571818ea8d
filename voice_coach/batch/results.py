"""The file of results: a row a recording, written as it is judged, so that a run that is stopped is gone on with."""

from __future__ import annotations

import contextlib
import csv
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from voice_coach.batch.work import Outcome, size_of
from voice_coach.coverage.labels import STAGES, STAR
from voice_coach.errors import OutputError, UsageError
from voice_coach.report.exports import harmless

LONG_PAUSE_KINDS = ("long", "lost_thread")

_FILE = ("path", "size_bytes", "modified_ns", "made_with")
COLUMNS = (
    *_FILE,
    "state",
    "error",
    "recording_s",
    "duration_s",
    "verdict",
    "margin_s",
    "words",
    "speech_rate_wpm",
    "articulation_rate_wpm",
    "fillers_per_minute",
    "fillers_per_minute_least",
    "fillers_per_minute_most",
    "filled_pauses",
    "discourse_markers",
    "repetitions",
    "pauses",
    "long_pauses",
    "latency_s",
    "snr_db",
    "on_subject",
    *(f"stage_{name}" for name in STAGES),
    *(f"star_{name}_s" for name in STAR),
    "impact",
    "opening",
    "mistakes",
    "first_fix",
)
"""Of a CSV file; an empty cell is not known.

path, size_bytes, modified_ns (since 1970), made_with: what the row was made of. state, error: see `Outcome`.
recording_s: of the file; duration_s: of the answer; margin_s: inside the target, negative outside. Rates are a minute.
long_pauses: of 2 s or more. stage_*: missing, mentioned or strong. star_*_s: seconds told. opening: whether the first
15 s tell impact or containment.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One recording and what it was judged with: what tells whether a row still holds."""

    path: str
    size_bytes: int
    modified_ns: int
    made_with: str

    @classmethod
    def of(cls, path: str, made_with: str) -> Row:
        return cls(path, *size_of(Path(path)), made_with)


class Results:
    """A file of results, opened to be added to. Leave the `with` block to close it.

    The name's ending decides the form: .csv for a table of figures, .jsonl for whole assessments, one a line. A file
    that is there already is one to go on with: rows of recordings that failed, or have changed since, or were made
    with other models, are taken out when it is opened, a line that broke off as well. done: the others.

    Raises: UsageError if the file is something else; OutputError if it can't be written, or another run writes to it.
    """

    def __init__(self, path: Path, names: list[str], made_with: str) -> None:
        if path.suffix not in (".csv", ".jsonl"):
            raise UsageError(f"--out {path}: the name must end in .csv or .jsonl")
        self._path, self._made_with, self._csv = path, made_with, path.suffix == ".csv"
        wanted = {name: Row.of(name, made_with) for name in names}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            kept = list(self._holding(wanted))
            self.done = frozenset(self._name(table) for table in kept)
            self._file = self._rewritten(kept)
        except OSError as exc:
            raise OutputError(f"{path}: can't be written ({exc.strerror}); choose another place") from exc

    def __enter__(self) -> Results:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, path: str, outcome: Outcome) -> None:
        """Write one row; it is on its way to the disk when this returns."""
        row = Row.of(path, self._made_with)
        table = {name: getattr(row, name) for name in _FILE} | {"state": outcome.state, "error": outcome.error}
        if self._csv:
            table |= {} if outcome.assessment is None else figures(outcome.assessment)
            table = {name: harmless(value) for name, value in table.items()}
        else:
            table["assessment"] = outcome.assessment
        try:
            self._write(table, self._file)
            self._file.flush()
        except OSError as exc:
            raise OutputError(
                f"{self._path}: can't be written ({exc.strerror}); free some space, then run it again"
            ) from exc

    def _holding(self, wanted: Mapping[str, Row]) -> Iterator[dict[str, Any]]:
        """Rows of the file as it is that still hold; rows of recordings that nobody asks for now are kept, too."""
        if not self._path.exists():
            return
        with self._path.open(encoding="utf-8", newline="") as file:
            for table in self._tables(file):
                try:
                    row = Row(
                        self._name(table), int(table["size_bytes"]), int(table["modified_ns"]), table["made_with"]
                    )
                except (KeyError, TypeError, ValueError):
                    # the line was being written when the run was stopped
                    continue
                if row.path not in wanted or (row == wanted[row.path] and table["state"] != "failed"):
                    yield table

    def _tables(self, file: TextIO) -> Iterator[dict[str, Any]]:
        whole = (line for line in file if line.endswith("\n"))
        if self._csv:
            rows = csv.DictReader(whole)
            if tuple(rows.fieldnames or COLUMNS) != COLUMNS:
                raise UsageError(f"--out {self._path}: holds something else; choose another name")
            yield from rows
            return
        for line in whole:
            try:
                table = json.loads(line)
            except ValueError:
                continue
            if not isinstance(table, dict) or not set(_FILE) <= set(table):
                raise UsageError(f"--out {self._path}: holds something else; choose another name")
            yield table

    def _name(self, table: Mapping[str, Any]) -> str:
        """The recording of a row of the file."""
        path: str = table["path"]
        # a cell that was made harmless reads as it was before
        return path[1:] if self._csv and path.startswith("'") and harmless(path[1:]) != path[1:] else path

    def _rewritten(self, kept: list[dict[str, Any]]) -> TextIO:
        """The file with these rows alone, opened at its end and held against other runs."""
        new = self._path.with_name(f".{self._path.name}.new")
        with new.open("w", encoding="utf-8", newline="") as file:
            # what people said and how it was judged is private to whoever ran this
            new.chmod(0o600)
            if self._csv:
                csv.writer(file, lineterminator="\n").writerow(COLUMNS)
            for table in kept:
                self._write(table, file)
            file.flush()
            os.fsync(file.fileno())
        with self._path.open("ab") as old:
            self._hold(old.fileno())
            new.replace(self._path)
        opened = self._path.open("a", encoding="utf-8", newline="")
        self._hold(opened.fileno())
        return opened

    def _hold(self, descriptor: int) -> None:
        with contextlib.suppress(ImportError):
            import fcntl

            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as exc:
                raise OutputError(
                    f"{self._path}: another run writes to it; wait for it or choose another name"
                ) from exc

    def _write(self, table: Mapping[str, Any], file: TextIO) -> None:
        if self._csv:
            csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n").writerow(table)
        else:
            file.write(json.dumps(table, ensure_ascii=False) + "\n")


def figures(assessment: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of an assessment under their names in COLUMNS; what is not known is left out."""
    found: dict[str, Any] = {"recording_s": assessment["audio"]["duration_s"]}
    delivery, coverage, feedback = assessment["delivery"], assessment["coverage"], assessment["feedback"]
    if delivery is not None:
        fillers = delivery["fillers"]
        least, most = fillers["per_minute_range"] or (None, None)
        found |= {
            "duration_s": delivery["answer_duration_s"],
            "verdict": delivery["target"]["verdict"],
            "margin_s": delivery["target"]["margin_s"],
            "words": delivery["words"],
            "speech_rate_wpm": delivery["speech_rate_wpm"],
            "articulation_rate_wpm": delivery["articulation_rate_wpm"],
            "fillers_per_minute": fillers["per_minute"],
            "fillers_per_minute_least": least,
            "fillers_per_minute_most": most,
            "filled_pauses": fillers["filled_pauses"],
            "discourse_markers": fillers["discourse_markers"],
            "repetitions": fillers["repetitions"],
            "pauses": len(delivery["pauses"]),
            "long_pauses": sum(pause["kind"] in LONG_PAUSE_KINDS for pause in delivery["pauses"]),
            "latency_s": delivery["latency_s"],
            "snr_db": None if delivery["voice"] is None else delivery["voice"]["snr_db"],
        }
    if coverage is not None:
        found |= {
            "on_subject": coverage["on_subject"],
            **{f"stage_{name}": one["level"] for name, one in coverage["stages"].items()},
            **{f"star_{name}_s": one["seconds"] for name, one in coverage["star"].items()},
            "impact": coverage["impact"],
            "opening": coverage["opening"]["heard"],
            "mistakes": " ".join(one["name"] for one in coverage["mistakes"]),
        }
    if feedback is not None:
        found["first_fix"] = next(iter(feedback["fixes"]), None)
    return found
