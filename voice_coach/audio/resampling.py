"""Any rate to the program's own, block by block."""

from __future__ import annotations

import numpy as np

from voice_coach.records import SAMPLE_RATE_HZ, Samples


class Resampler:
    """Feed it mono blocks with `push`, close it with `finish`; out come samples at SAMPLE_RATE_HZ.

    Places stay true: output sample k is the sound at k / SAMPLE_RATE_HZ of the input, and the
    total is the input's length to the nearest sample. soxr holds some milliseconds back meanwhile.
    """

    def __init__(self, rate_hz: int) -> None:
        import soxr

        self._rate_hz = rate_hz
        self._stream = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32", quality="HQ")
        self._taken = 0
        self.given = 0

    def push(self, mono: Samples) -> Samples:
        """Samples that are ready, shape (n,), possibly none."""
        self._taken += len(mono)
        ready: Samples = self._stream.resample_chunk(mono)
        self.given += len(ready)
        return ready

    def finish(self) -> Samples:
        """The rest, once nothing more comes."""
        rest: Samples = self._stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)
        # the resampler's own tail may run a sample or two past the source
        rest = rest[: max(0, round(self._taken * SAMPLE_RATE_HZ / self._rate_hz) - self.given)]
        self.given += len(rest)
        return rest
