"""The labels of the rubric, in its order, and the short codes the corpus is written in."""

from __future__ import annotations

STAGES = ("detection", "severity", "mitigation", "communication", "prevention")
"""The incident lifecycle: what coverage means."""

STAR = ("situation", "task", "action", "result")
"""Answer structure."""

IMPACT = "impact"
COWBOY = "cowboy"

LABELS = (*STAGES, *STAR, IMPACT, COWBOY)
"""Every label of the rubric; a sentence carries any number of them."""

SPECIFIC = "specific"
"""Not a label of the rubric: the sentence says its stage with something specific, which is what
makes a stage strong instead of mentioned."""

OUTPUTS = (*LABELS, SPECIFIC)
"""What the classifier puts a probability on, in the order of its output."""

CODES = {
    "det": "detection",
    "sev": "severity",
    "mit": "mitigation",
    "com": "communication",
    "pre": "prevention",
    "sit": "situation",
    "tas": "task",
    "act": "action",
    "res": "result",
    "imp": IMPACT,
    "cow": COWBOY,
}
"""Corpus code → label. A `+` behind a stage's code says: specific."""
