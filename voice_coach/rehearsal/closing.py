"""The end of a rehearsal: what was answered, and the one thing to take along."""

from __future__ import annotations

from voice_coach.rehearsal.surface import Answered
from voice_coach.report.wording import length_clock


def spoken_closing(answers: tuple[Answered, ...]) -> str:
    """One or two sentences to part with; empty where nothing was judged. Of each question the latest try counts."""
    latest = {one.question.id: one.assessment.feedback for one in answers if one.assessment and one.assessment.feedback}
    if not latest:
        return ""
    count = "That was one answer." if len(latest) == 1 else f"That was answers to {len(latest)} questions."
    if any(feedback.fixes for feedback in latest.values()):
        return f"{count} Tell it once more, with the first point in mind."
    return f"{count} There is little to mend."


def summary_lines(answers: tuple[Answered, ...]) -> tuple[str, ...]:
    """A line an answer, for the screen."""
    lines = []
    for number, one in enumerate(answers, 1):
        found = one.assessment
        lines.append(f"{number}. {one.question.text}")
        if found is None or found.delivery is None or found.delivery.answer_duration_s is None:
            lines.append(f"   not judged. {one.kept or one.take_id}")
            continue
        parts = [length_clock(found.delivery.answer_duration_s, found.delivery.target.verdict)]
        rate = found.delivery.fillers.per_minute
        parts.append("fillers unknown" if rate is None else f"{rate:.1f} fillers a minute")
        if found.coverage is not None:
            heard = [stage for stage, told in found.coverage.stages.items() if told.level != "missing"]
            parts.append(f"{len(heard)} of {len(found.coverage.stages)} stages: {', '.join(heard) or 'none'}")
        lines.append("   " + "; ".join(parts))
        if found.feedback is not None and found.feedback.fixes:
            lines.append(f"   first: {found.feedback.fixes[0]}")
    return tuple(lines)
