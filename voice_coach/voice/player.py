"""The child process that plays: `python -m voice_coach.voice.player [FILE [START_S]]`.

Without a file it plays those named on standard input, a path a line, until that ends; the sound device
is open only while one plays. PortAudio ends the whole process where the sound set-up is broken; here that
costs only a child, and killing the child is silence at once.
"""

from __future__ import annotations

import sys

UNREADABLE = "unreadable sound"
"""How its reason begins where the file is to blame and not the machine's output."""

LATENCY_S = 0.3
"""How much sound is handed over ahead. While Whisper works the player waits for its turn: with PortAudio's own 0.035 s
11 of 12 plays beside three busy processes lost or repeated sound, with this none. It delays nothing, for the buffer is
filled at once, and a kill empties it. PortAudio drops what is in it at the end, so silence follows."""


def main() -> None:
    """Play what is named to its end; a reason on standard error if it can't."""
    try:
        # absent PortAudio shows as OSError at import
        import numpy
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
                samples, rate_hz = sound.read(dtype="float32", always_2d=True), sound.samplerate
            silence = numpy.zeros((round(LATENCY_S * rate_hz), samples.shape[1]), dtype=numpy.float32)
            sounddevice.play(numpy.concatenate([samples, silence]), rate_hz, latency=LATENCY_S)
            sounddevice.wait()
        except soundfile.SoundFileError as exc:
            raise SystemExit(f"{UNREADABLE}: {exc}") from exc
        except (sounddevice.PortAudioError, ValueError) as exc:
            raise SystemExit(str(exc)) from exc


if __name__ == "__main__":
    main()
