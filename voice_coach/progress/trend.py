"""Is a row of figures rising or falling, or is it noise: the Mann–Kendall test, and Sen's slope.

The test counts, over all pairs of takes, how often the later figure is the higher one. It asks nothing about
how the figures are spread, and one odd take hardly moves it.
Source: Mann 1945, "Nonparametric tests against trend", Econometrica 13, 245–259; Kendall 1975, "Rank correlation
methods", with the correction of the variance for ties; Sen 1968, JASA 63, 1379–1389, for the slope.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from math import copysign, erfc, sqrt
from statistics import median
from typing import Literal

from voice_coach.records import FigureName, Trend

LEVEL = 0.05
"""Probability of calling a trend where there is none, for each figure. Four figures are tested side by side, so each
is held against a quarter of it (Bonferroni): then the page as a whole is wrong one time in twenty at most."""

FIGURES_TESTED = 4

LEAST_TAKES = 10
"""From here on the normal approximation of the test is good. Source: Gilbert 1987, "Statistical methods for
environmental pollution monitoring", section 16.4."""

RECENT_TAKES = 60
"""Only the latest takes are asked: what moved a year ago is no news, and every pair of them is looked at."""


def trend(figure: FigureName, values: Sequence[float | None]) -> Trend:
    """The trend of a figure over takes, oldest first; takes in which it is not known are left out."""
    known = [value for value in values if value is not None][-RECENT_TAKES:]
    if len(known) < LEAST_TAKES:
        return Trend(figure, None, None, None, len(known), LEAST_TAKES)
    score, p = mann_kendall(known)
    direction: Literal["rising", "falling"] | None = None
    if p < LEVEL / FIGURES_TESTED:
        direction = "rising" if score > 0 else "falling"
    return Trend(figure, direction, p, 10 * sens_slope(known), len(known), LEAST_TAKES)


def mann_kendall(values: Sequence[float]) -> tuple[int, float]:
    """The score S and the two-sided p under the normal approximation, ties corrected for.

    S is the number of pairs that rise less the number that fall. p is 1 where all values are equal.
    """
    n = len(values)
    score = sum((later > earlier) - (later < earlier) for earlier, later in combinations(values, 2))
    tied = sum(count * (count - 1) * (2 * count + 5) for count in Counter(values).values())
    variance = (n * (n - 1) * (2 * n + 5) - tied) / 18
    if variance <= 0 or score == 0:
        return score, 1.0
    z = (score - copysign(1, score)) / sqrt(variance)
    return score, erfc(abs(z) / sqrt(2))


def sens_slope(values: Sequence[float]) -> float:
    """The median of the slopes of all pairs, per take."""
    return median((values[j] - values[i]) / (j - i) for i, j in combinations(range(len(values)), 2))
