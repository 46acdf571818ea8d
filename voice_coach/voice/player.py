"""The child process that plays: `python -m voice_coach.voice.player [FILE [START_S]]`.

Without a file it plays those named on standard input, a path a line, until that ends; the sound device
is open only while one plays. PortAudio ends the whole process where the sound set-up is broken; here that
costs only a child, and killing the child is silence at once.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Play what is named to its end; a reason on standard error if it can't."""
    try:
        # absent PortAudio shows as OSError at import
        import sounddevice
        import soundfile
    except OSError as exc:
        raise SystemExit(f"PortAudio: {exc}") from exc
    paths = sys.argv[1:2] or (line.rstrip("\n") for line in sys.stdin)
    start_s = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    for path in paths:
        try:
            with soundfile.SoundFile(path) as sound:
                sound.seek(min(round(start_s * sound.samplerate), sound.frames))
                samples, rate_hz = sound.read(dtype="float32"), sound.samplerate
            sounddevice.play(samples, rate_hz)
            sounddevice.wait()
        except (sounddevice.PortAudioError, soundfile.SoundFileError, ValueError) as exc:
            raise SystemExit(str(exc)) from exc


if __name__ == "__main__":
    main()
