"""The file of results: a row a recording, written as it is judged, so that a run that is stopped is gone on with."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from voice_coach.batch.work import Outcome, size_of
from voice_coach.coverage.labels import STAGES, STAR
from voice_coach.errors import OutputError, UsageError
from voice_coach.report.exports import harmless

LONG_PAUSE_KINDS = ("long", "lost_thread")

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")

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

_BEGINS = f'{{"{_FILE[0]}": "'
"""What every line of a JSON Lines file begins with."""


@dataclass(frozen=True, slots=True)
class Row:
    """One recording, its name as it is written, and what it is judged with: what tells whether a row still holds."""

    path: str
    size_bytes: int
    modified_ns: int
    made_with: str

    @classmethod
    def of(cls, path: str, made_with: str) -> Row:
        return cls(written(path), *size_of(Path(path)), made_with)


def _text(path: Path, mode: str) -> IO[str]:
    return path.open(mode, encoding="utf-8", errors="backslashreplace", newline="\n")


def written(name: str) -> str:
    """A file's name as one line that any program can read: controls as \\x0a, bytes that are no UTF-8 as \\udce9."""
    told = _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", name)
    return told.encode("utf-8", "backslashreplace").decode()


class Results:
    """A file of results, opened to be added to. Leave the `with` block to close it.

    The name's ending decides the form: .csv for a table of figures, .jsonl for whole assessments, one a line. A file
    that is there already is one to go on with: rows of recordings that failed, or have changed since, or were made
    with other models or by another version, are taken out when it is opened, a line that broke off as well. before:
    what became of the others of `names`.

    Raises: UsageError if the file is something else; OutputError if it can't be written, or another run writes to it.
    """

    def __init__(self, path: Path, names: Sequence[str], made_with: str) -> None:
        if path.suffix not in (".csv", ".jsonl"):
            raise UsageError(f"--out {path}: the name must end in .csv or .jsonl")
        self._path, self._csv = path, path.suffix == ".csv"
        # as the recordings are now: one that changes before its turn comes is judged again by the next run
        self._rows = {name: Row.of(name, made_with) for name in names}
        self._written = {written(name): name for name in names}
        self.before: dict[str, Outcome] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._opened()
        except OSError as exc:
            raise OutputError(f"{path}: can't be written ({exc.strerror}); choose another place") from exc

    def __enter__(self) -> Results:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, name: str, outcome: Outcome) -> None:
        """Write one row; it is on its way to the disk when this returns."""
        row = self._rows[name]
        table = {column: getattr(row, column) for column in _FILE} | {"state": outcome.state, "error": outcome.error}
        if self._csv:
            table |= {} if outcome.assessment is None else figures(outcome.assessment)
            table = {column: harmless(value) for column, value in table.items()}
        else:
            table["assessment"] = outcome.assessment
        try:
            self._write(table, self._file)
            self._file.flush()
        except OSError as exc:
            raise OutputError(
                f"{self._path}: can't be written ({exc.strerror}); free some space, then run it again"
            ) from exc

    def _opened(self) -> IO[str]:
        """The file with the rows that still hold, whole at every moment, and held against other runs throughout."""
        new_path = self._path.with_name(f".{self._path.name}.new")
        with _text(self._path, "a+") as old:
            self._hold(old)
            if not os.path.samestat(os.fstat(old.fileno()), self._path.stat()):
                # another run has put its own in place since it was opened
                raise self._busy()
            new = _text(new_path, "w")
            try:
                # what people said and how it was judged is private to whoever ran this
                os.fchmod(new.fileno(), 0o600)
                self._hold(new)
                if self._csv:
                    csv.writer(new, lineterminator="\n").writerow(COLUMNS)
                old.seek(0)
                for table in self._holding(old):
                    self._write(table, new)
                new.flush()
                os.fsync(new.fileno())
                new_path.replace(self._path)
            except BaseException:
                new.close()
                new_path.unlink(missing_ok=True)
                raise
        return new

    def _hold(self, file: IO[str]) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise self._busy() from exc

    def _busy(self) -> OutputError:
        return OutputError(f"{self._path}: another run writes to it; wait for it or choose another name")

    def _holding(self, old: IO[str]) -> Iterator[dict[str, Any]]:
        """Rows of the file as it is that still hold; rows of recordings that nobody asks for now are kept, too."""
        for table in self._tables(old):
            try:
                path = self._path_in(table)
                row = Row(path, int(table["size_bytes"]), int(table["modified_ns"]), table["made_with"])
            except (KeyError, TypeError, ValueError):
                continue  # the rest of a line that broke off
            name = self._written.get(path)
            if name is None:
                yield table
            elif row == self._rows[name] and table["state"] != "failed" and name not in self.before:
                self.before[name] = Outcome(table["state"], table["error"] or None)
                yield table

    def _tables(self, file: IO[str]) -> Iterator[dict[str, Any]]:
        whole = self._whole_lines(file)
        if self._csv:
            rows = csv.DictReader(whole)
            if tuple(rows.fieldnames or COLUMNS) != COLUMNS:
                raise self._foreign()
            yield from rows
            return
        for line in filter(str.strip, whole):
            try:
                table = json.loads(line)
            except ValueError as exc:
                raise self._foreign() from exc
            if not isinstance(table, dict) or not set(_FILE) <= set(table):
                raise self._foreign()
            yield table

    def _whole_lines(self, file: IO[str]) -> Iterator[str]:
        """Without what was being written when a run was killed, or when the power went.

        Raises: UsageError where a file begins with half a line, and with none that a run begins with.
        """
        begins = ",".join(COLUMNS) if self._csv else _BEGINS
        for number, line in enumerate(file):
            if line.endswith("\n") and "\0" not in line:
                yield line
            elif number == 0:
                # up to what never reached the disk
                written = line.partition("\0")[0].rstrip("\n")
                if written[: len(begins)] != begins[: len(written)]:
                    raise self._foreign()

    def _foreign(self) -> UsageError:
        return UsageError(f"--out {self._path}: holds something else; choose another name")

    def _path_in(self, table: Mapping[str, Any]) -> str:
        """The recording of a row of the file."""
        path: str = table["path"]
        # a cell that was made harmless reads as it was before
        return path[1:] if self._csv and path.startswith("'") and harmless(path[1:]) != path[1:] else path

    def _write(self, table: Mapping[str, Any], file: IO[str]) -> None:
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
            "mistakes": " ".join(one["name"] for one in coverage["mistakes"] if not one["unsure"]),
        }
    if feedback is not None:
        found["first_fix"] = next(iter(feedback["fixes"]), None)
    return found
