"""The child process that plays: `python -m voice_coach.voice.player FILE [START_S]`.

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
    start_s = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    with soundfile.SoundFile(sys.argv[1]) as sound:
        sound.seek(min(round(start_s * sound.samplerate), sound.frames))
        samples, rate_hz = sound.read(dtype="float32"), sound.samplerate
    try:
        sounddevice.play(samples, rate_hz)
        sounddevice.wait()
    except (sounddevice.PortAudioError, ValueError) as exc:
        raise SystemExit(str(exc)) from exc


if __name__ == "__main__":
    main()
