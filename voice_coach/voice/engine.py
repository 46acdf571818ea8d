"""The child process that speaks: text on standard input, a wav file out.

pyttsx3 speaks reliably once a process and not twice (queued lines are lost, `stop` may hang), so
each utterance gets a process of its own that writes a file and ends. Run as
`python -m voice_coach.voice.engine OUT.wav RATE_WPM [VOICE]`.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

WRITE_LIMIT_S = 5.0
"""The file may appear a moment after the engine says it is done."""


def _use_bundled_espeak() -> None:
    """Where no espeak library is installed, use the one that `espeakng-loader` brings, if it is there."""
    import ctypes.util

    if ctypes.util.find_library("espeak-ng") or ctypes.util.find_library("espeak"):
        return
    try:
        import espeakng_loader
    except ImportError:
        return
    # without its data the library ends the process, so the path comes first
    os.environ["ESPEAK_DATA_PATH"] = str(espeakng_loader.get_data_path())
    ctypes.CDLL(str(espeakng_loader.get_library_path()), mode=ctypes.RTLD_GLOBAL)


def main() -> None:
    """Speak standard input into the file named on the command line."""
    out, rate = Path(sys.argv[1]), int(sys.argv[2])
    text = sys.stdin.read()
    if sys.platform.startswith("linux"):
        _use_bundled_espeak()
    import pyttsx3

    engine = pyttsx3.init()
    # the default rate varies from run to run
    engine.setProperty("rate", rate)
    if len(sys.argv) > 3:
        engine.setProperty("voice", sys.argv[3])
    engine.save_to_file(text, str(out))
    engine.runAndWait()
    deadline = time.monotonic() + WRITE_LIMIT_S
    while time.monotonic() < deadline:
        if out.exists() and out.stat().st_size > 44:
            return
        time.sleep(0.02)
    raise SystemExit("the speech engine wrote no sound")


if __name__ == "__main__":
    main()
