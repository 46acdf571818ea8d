"""The child process that plays: `python -m voice_coach.voice.player FILE.wav`.

PortAudio ends the whole process where the sound set-up is broken; here that costs only a child,
and killing the child is silence at once.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Play the file named on the command line to its end; a reason on standard error if it can't."""
    try:
        # absent PortAudio shows as OSError at import
        import sounddevice
        import soundfile
    except OSError as exc:
        raise SystemExit(f"PortAudio: {exc}") from exc
    samples, rate_hz = soundfile.read(sys.argv[1], dtype="float32")
    try:
        sounddevice.play(samples, rate_hz)
        sounddevice.wait()
    except (sounddevice.PortAudioError, ValueError) as exc:
        raise SystemExit(str(exc)) from exc


if __name__ == "__main__":
    main()
