"""An assessment for a person at a terminal: the verdict on time first, the next question last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from voice_coach.records import Assessment, Coverage, Delivery, Evidence, Feedback, Fillers, Level, Recording, Voice
from voice_coach.report.wording import clock, mistake_words

QUOTE_WORDS = 24
"""Longer quotes are cut: the time beside them leads to the rest."""

_LEVEL_LOOK: dict[Level, tuple[str, str]] = {
    # a sign beside the colour: it must read without colour too
    "strong": ("● strong", "green"),
    "mentioned": ("◐ mentioned", "yellow"),
    "missing": ("○ missing", "red"),
}


def print_assessment(console: Console, assessment: Assessment) -> None:
    """Print one assessment; long lines wrap to the console's width."""
    recording = assessment.recording
    if recording is not None:
        console.rule(f"[bold]{escape(recording.path)}[/bold]", align="left", style="dim")
    if recording is not None and not assessment.transcript.words:
        console.print(no_speech_line(recording))
        return
    if assessment.feedback is not None and assessment.feedback.verdict:
        console.print(Text(assessment.feedback.verdict, style="bold"))
    if assessment.delivery is not None:
        for line in _delivery_lines(assessment.delivery):
            console.print(Padding(line, (0, 0, 0, 2)))
    for note in assessment.notes:
        console.print(Text(f"Note: {note}", style="yellow"))
    if assessment.coverage is not None:
        to_be_heard = {} if assessment.feedback is None else assessment.feedback.to_be_heard
        _print_coverage(console, assessment.coverage, to_be_heard)
    if assessment.feedback is not None:
        _print_feedback(console, assessment.feedback)


def no_speech_line(recording: Recording) -> str:
    """One line for a recording in which nobody speaks: what was measured, and what to do."""
    if recording.bad_samples:
        return (
            f"No speech heard in {recording.duration_s:.1f} s: {recording.bad_samples} samples are not numbers; "
            "the file is damaged, record it again or save it anew"
        )
    if recording.peak_dbfs is None or recording.rms_dbfs is None:
        return (
            f"No speech heard in {recording.duration_s:.1f} s: every sample is exactly zero; "
            "the microphone was muted or not allowed, unmute it and record again"
        )
    return (
        f"No speech heard in {recording.duration_s:.1f} s (level {recording.rms_dbfs:.0f} dBFS, "
        f"peak {recording.peak_dbfs:.0f} dBFS); check the microphone and record again"
    )


def filler_line(fillers: Fillers) -> str:
    """Counts and rate of the fillers in one line."""
    counts = f"{fillers.filled_pauses} um/uh, {fillers.discourse_markers} like/you know, {fillers.repetitions} repeated"
    if fillers.per_minute is None:
        return f"Fillers  {counts} (too little speech to judge a rate)"
    low, high = fillers.per_minute_range or (fillers.per_minute, fillers.per_minute)
    rate = f"{low:.0f} to {high:.0f}" if round(high) > round(low) else f"{fillers.per_minute:.1f}"
    return f"Fillers  {rate} a minute, {fillers.per_100_words or 0.0:.1f} in 100 words: {counts}"


def _delivery_lines(delivery: Delivery) -> Iterator[str]:
    if delivery.speech_rate_wpm is not None and delivery.articulation_rate_wpm is not None:
        yield (
            f"Pace     {delivery.speech_rate_wpm:.0f} words a minute "
            f"({delivery.articulation_rate_wpm:.0f} while speaking), {delivery.words} words"
        )
    yield filler_line(delivery.fillers)
    long = [pause for pause in delivery.pauses if pause.kind != "short"]
    where = ", ".join(f"{pause.duration_s:.1f} s at {clock(pause.start_s)}" for pause in long[:4])
    searching = sum(pause.place == "inside" for pause in delivery.pauses)
    yield (
        f"Pauses   {len(delivery.pauses)}, {searching} of them in mid-clause, {len(long)} over 2 s"
        + (f" ({where})" if where else "")
    )
    if delivery.voice is not None:
        yield _voice_line(delivery.voice)
    for change in delivery.pace_changes[:2]:
        how = "faster" if change.kind == "burst" else "slower"
        said = " ".join(change.sentence.split()[: QUOTE_WORDS // 2])
        yield f"         {how} at {clock(change.start_s)}, {change.wpm:.0f} words a minute: “{said} …”"


def _voice_line(voice: Voice) -> str:
    if voice.pitch_range_semitones is None:
        return f"Voice    can't judge: {voice.unjudged}"
    flat = "" if voice.flat_sentences is None else f", {voice.flat_sentences:.0%} of sentences flat"
    loudness = "" if voice.loudness_range_db is None else f", loudness over {voice.loudness_range_db:.0f} dB"
    return f"Voice    pitch over {voice.pitch_range_semitones:.0f} semitones{flat}{loudness}"


def _print_coverage(console: Console, coverage: Coverage, to_be_heard: Mapping[str, str]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False)
    for heading in ("Stage", "Heard", "Time", "What shows it"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("Stage", "Heard", "Time"))
    for stage, found in coverage.stages.items():
        sign, style = _LEVEL_LOOK[found.level]
        if found.unsure:
            sign, style = ("? not sure", "yellow") if found.level == "missing" else (f"{sign} ?", style)
        shown = Text(_quotes(found.evidence, 1))
        if found.level == "missing" and coverage.on_subject and stage in to_be_heard:
            shown = Text(f"to be heard: {to_be_heard[stage]}", style="dim")
        seconds = "" if found.seconds is None else f"{found.seconds:.0f} s" if found.seconds else "–"
        table.add_row(stage, Text(sign, style=style), seconds, shown)
    console.print(table)
    if any(found.unsure for found in coverage.stages.values()):
        console.print(Text("  ?  not sure: the wording is close to the line between heard and not heard", style="dim"))
    parts = [
        f"{part} {'–' if found.seconds is None else f'{found.seconds:.0f} s'}" for part, found in coverage.star.items()
    ]
    if any(found.seconds is not None for found in coverage.star.values()):
        console.print("STAR     " + ", ".join(parts))
    else:
        heard = [part for part, found in coverage.star.items() if found.evidence]
        console.print("STAR     " + (", ".join(heard) if heard else "none of its parts"))
    if len(coverage.order) > 1:
        console.print("Order    " + " → ".join(coverage.order))
    if coverage.opening.heard is not None and coverage.on_subject:
        told = coverage.opening.evidence
        opening = _quotes(told, 1) if told else "neither impact nor containment in the first 15 s"
        console.print("Opening  " + escape(opening))
    for mistake in coverage.mistakes:
        sign, style = ("?", "bold yellow") if mistake.unsure else ("✗", "bold red")
        line = Text.assemble((f"{sign} {mistake_words(mistake)}: ", style), mistake.why)
        if mistake.name == "heroic":
            line.append(f" {_quotes(mistake.evidence, 1)}")
        console.print(line)


def _print_feedback(console: Console, feedback: Feedback) -> None:
    console.print()
    for strength in feedback.strengths:
        console.print(Text.assemble(("✓ ", "bold green"), strength))
    for number, fix in enumerate(feedback.fixes, 1):
        console.print(Text.assemble((f"{number}. ", "bold"), fix))
    if feedback.follow_up is not None:
        console.print()
        console.print(Text.assemble(("Next question: ", "bold"), feedback.follow_up.text))


def _quotes(evidence: Sequence[Evidence], most: int) -> str:
    shown = []
    for one in evidence[:most]:
        words = one.text.split()
        text = " ".join(words[:QUOTE_WORDS]) + (" …" if len(words) > QUOTE_WORDS else "")
        at = "" if one.start_s is None else f"{clock(one.start_s)} "
        shown.append(f"{at}“{text}”")
    return "  ".join(shown)
