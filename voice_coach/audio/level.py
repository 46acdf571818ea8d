"""Level in dB of full scale."""

from __future__ import annotations

import math


def dbfs(amplitude: float) -> float | None:
    """An amplitude (1.0 is full scale) in dBFS; None for exact zero."""
    return 20.0 * math.log10(amplitude) if amplitude > 0.0 else None
