"""Words and signs that all views of an assessment share, and the bands that figures are held against."""

from __future__ import annotations

from collections.abc import Mapping

from voice_coach.records import Level, Mistake, MistakeName, Verdict, whole_seconds

MISTAKE_WORDS: Mapping[MistakeName, str] = {
    "purely_technical": "Purely technical",
    "no_customer_impact": "No customer impact",
    "root_cause_first": "Root cause before stabilising",
    "heroic": "Heroic instead of disciplined",
    "no_follow_through": "No follow-through",
    "vague": "Vague",
}


def mistake_words(mistake: Mistake) -> str:
    """What a mistake is called; where it is not sure that it was made, that too."""
    return f"{MISTAKE_WORDS[mistake.name]} (not sure)" if mistake.unsure else MISTAKE_WORDS[mistake.name]


LEVEL_SIGNS: Mapping[Level, str] = {"strong": "●", "mentioned": "◐", "missing": "○"}
"""A sign beside the colour: it must read without colour too."""

GOOD_PACE_WPM = (130.0, 165.0)
"""Comfortable to follow. Source: published bands of speech coaches (120–160, 130–160, 140–160)."""

STAGE_SHARES: Mapping[str, tuple[float, float]] = {
    "detection": (0.15, 0.29),
    "severity": (0.11, 0.24),
    "mitigation": (0.15, 0.29),
    "communication": (0.12, 0.27),
    "prevention": (0.13, 0.26),
}
"""A sensible split: each stage's share of what is told about stages. Measured: the 10th to the 90th percentile
of the training corpus's answers of 150 words and more that make all five stages specific, name the impact
and commit no mistake (236 of 1,200 when chosen; of 3,952 now, 598 differ from it by at most two points);
`scripts/stage_split.py` prints it."""


def clock(seconds: float) -> str:
    """A time on the recording's clock, m:ss."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


def length_clock(length_s: float, verdict: Verdict | None) -> str:
    """The length of an answer, m:ss, never rounded across the limit that it is held against."""
    return clock(whole_seconds(length_s, verdict))
