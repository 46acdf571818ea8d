"""The interruption drill: when the interviewer cuts in, and what is told about how the speaker came back."""

from __future__ import annotations

from voice_coach.hearing import HearingState
from voice_coach.interviewer.follow_up import Recovery

CUT_IN_AFTER_S = 20.0
"""Voice after which the story is under way and can be interrupted."""

BREATH_S = 0.4
"""A pause of this length is where a person would cut in."""

CUT_IN_ANYWAY_S = 35.0
"""Voice after which even a speaker who never pauses is cut off."""


TOLD_S = 8.0
"""So long the line stays on the screen after it was said: about twice what it takes to read one aloud."""


def time_to_cut_in(state: HearingState) -> bool:
    """Whether now is the moment."""
    if state.spoken_s >= CUT_IN_ANYWAY_S:
        return True
    return state.spoken_s >= CUT_IN_AFTER_S and state.silent_s >= BREATH_S


def recovery_line(recovery: Recovery) -> str:
    """How the speaker came back, in a sentence or two."""
    if recovery.recovery_s is None:
        return "After the interruption you said no more: say in one sentence who is hurt and what you do now."
    back = f"After the interruption you spoke again within {recovery.recovery_s:.1f} s"
    if recovery.well:
        return f"{back} and turned to {' and '.join(recovery.turned_to)}, as one hopes to hear."
    return f"{back}, but not of impact or mitigation: first say who is hurt and what you do about it now."
