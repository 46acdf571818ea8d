"""Text brought to one spelling, so that a word error rate counts words and not how they are written."""

from __future__ import annotations

import re

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
HESITATION = re.compile(r"^(?:u+[hm]+|e+r+m*|h+m+|m+h*m*|ah+|ugh)$")


def in_words(number: int) -> str:
    """A number below ten thousand as it is said."""
    if number < 20:
        return _SMALL[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens - 2] + (f" {_SMALL[ones]}" if ones else "")
    scale, word = (100, "hundred") if number < 1000 else (1000, "thousand")
    many, rest = divmod(number, scale)
    return f"{in_words(many)} {word}" + (f" {in_words(rest)}" if rest else "")


def plain(text: str) -> str:
    """Words only: no case, no punctuation, no hesitation, numbers as words, so that spelling is not counted."""
    text = re.sub(r"(\d),(\d{3})\b", r"\1\2", text.lower()).replace("%", " percent ").replace("'", "")
    text = re.sub(r"[^a-z0-9 ]+", " ", text)
    text = re.sub(r"(\d)([a-z])", r"\1 \2", text)
    text = re.sub(r"\d{1,4}", lambda found: f" {in_words(int(found.group()))} ", text)
    return " ".join(word for word in text.split() if not HESITATION.match(word) and word != "and")
