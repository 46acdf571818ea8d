"""The child process that speaks: text on standard input, a wav file out.

pyttsx3 speaks reliably once a process and not twice (queued lines are lost, `stop` may hang), so
each utterance gets a process of its own that writes a file and ends. Run as
`python -m voice_coach.voice.engine OUT.wav RATE_WPM [VOICE]`, or with `--list` alone: then it writes one
line of JSON, `{"own": ID, "voices": [[ID, NAME, LANGUAGE], …]}`, and ends.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

WRITE_LIMIT_S = 2.0
"""The file may appear a moment after the engine says it is done; 0.3 s was seen."""


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
    """List the voices, or speak standard input into the file named on the command line."""
    if sys.platform.startswith("linux"):
        _use_bundled_espeak()
    import pyttsx3

    engine = pyttsx3.init()
    if sys.argv[1:] == ["--list"]:
        print(json.dumps(_voices(engine)))
    else:
        _speak(engine, Path(sys.argv[1]), rate_wpm=int(sys.argv[2]), voice=sys.argv[3] if sys.argv[3:] else None)


def _voices(engine: Any) -> dict[str, object]:  # noqa: ANN401 - pyttsx3 has no types
    voices = [[str(voice.id), str(voice.name or voice.id), _language(voice)] for voice in engine.getProperty("voices")]
    return {"own": engine.getProperty("voice"), "voices": voices}


def _language(voice: Any) -> str | None:  # noqa: ANN401 - pyttsx3 has no types
    """The first language it names; drivers write text, bytes, nothing, or a list of nothing."""
    languages = [one for one in getattr(voice, "languages", None) or () if one]
    if not languages:
        return None
    first = languages[0]
    return first.decode(errors="replace") if isinstance(first, bytes) else str(first)


def _speak(engine: Any, out: Path, *, rate_wpm: int, voice: str | None) -> None:  # noqa: ANN401
    # the default rate varies from run to run
    engine.setProperty("rate", rate_wpm)
    if voice is not None:
        engine.setProperty("voice", voice)
    engine.save_to_file(sys.stdin.read(), str(out))
    engine.runAndWait()
    deadline = time.monotonic() + WRITE_LIMIT_S
    while time.monotonic() < deadline:
        if out.exists() and out.stat().st_size > 44:
            return
        time.sleep(0.02)
    raise SystemExit("the speech engine wrote no sound")


if __name__ == "__main__":
    main()
