"""Which microphones there are, asked where a crash can do no harm.

PortAudio ends the whole process where the ALSA set-up is broken, and hangs where the sound server
does; so a child process asks (`python -m voice_coach.audio.devices`). It sees the present state, too,
while a process that has loaded PortAudio keeps the list of that moment.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

from voice_coach.errors import MicrophoneError

ANSWER = "voice-coach-sound:"
"""What the child prints before its answer; libraries print lines of their own."""

PROBE_LIMIT_S = 10.0
"""The child answers within half a second; a sound server that takes longer hangs."""

FRESH_S = 5.0
"""A list so old is used again: nobody waits for another child between the look at the microphone and an answer."""

PREFERRED = ("pipewire", "pulse", "default")
"""On Linux these follow the desktop's choice and share the device; PortAudio's own default may be
a raw device that no other program can use meanwhile."""


@dataclass(frozen=True, slots=True)
class InputDevice:
    """One input as PortAudio lists it. rate_hz: its own rate; default: PortAudio's own choice."""

    name: str
    host: str
    channels: int
    rate_hz: int
    default: bool


@dataclass(frozen=True, slots=True)
class SoundSystem:
    """What PortAudio has on this machine at this moment. output: the default output's name, if any."""

    portaudio: str
    inputs: tuple[InputDevice, ...]
    output: str | None


_found: tuple[float, SoundSystem] | None = None
"""The last list, and when it was made."""


def sound_system(probe: Sequence[str] | None = None) -> SoundSystem:
    """Ask a fresh PortAudio. probe: the child's command line, for tests that stand in a failing child.

    Raises: MicrophoneError if PortAudio is missing, dies or hangs; no device at all is no error.
    """
    command = probe or (sys.executable, "-m", "voice_coach.audio.devices")
    try:
        child = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=PROBE_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise MicrophoneError(f"the sound server does not answer; {_restart()}") from exc
    for line in child.stdout.splitlines():
        if child.returncode == 0 and line.startswith(ANSWER):
            found = json.loads(line.removeprefix(ANSWER))
            inputs = tuple(InputDevice(**one) for one in found["inputs"])
            return SoundSystem(found["portaudio"], inputs, found["output"])
    if "PortAudio library not found" in child.stderr:
        raise MicrophoneError("PortAudio is not installed; run: apt install libportaudio2")
    if child.returncode < 0 or "Error initializing PortAudio" in child.stderr:
        how = f"it ended the test process, signal {-child.returncode}" if child.returncode < 0 else "it does not start"
        raise MicrophoneError(
            f"the sound set-up is broken ({how}); look at ~/.asoundrc and /etc/asound.conf, or move them away"
        )
    last = child.stderr.strip().splitlines()[-1:] or [f"exit code {child.returncode}"]
    raise MicrophoneError(f"the sound system can't be asked ({last[0][:120]}); {_restart()}")


def resolve(name: str | None = None) -> InputDevice:
    """`choose` among the inputs of this moment, or of FRESH_S ago at most: opening one anew finds out what has changed.

    Raises: MicrophoneError.
    """
    global _found
    now_s = time.monotonic()
    if _found is not None and now_s - _found[0] < FRESH_S:
        with suppress(MicrophoneError):
            return choose(_found[1].inputs, name)
    _found = None
    system = sound_system()
    _found = now_s, system
    return choose(system.inputs, name)


def forget() -> None:
    """Have `resolve` make a new list: the last one was not true any more."""
    global _found
    _found = None


def choose(inputs: Sequence[InputDevice], name: str | None = None) -> InputDevice:
    """The input to use: the one of this name (whole or part, in any case), else the best default.

    Raises: MicrophoneError if there is none, none of that name, or more than one.
    """
    if not inputs:
        raise MicrophoneError("no microphone found; plug one in, or judge a recording: voice-coach analyze FILE")
    if name is None:
        return _best(inputs)
    wanted = name.strip().casefold()
    found = [one for one in inputs if one.name.casefold() == wanted] or [
        one for one in inputs if wanted in one.name.casefold()
    ]
    names = list(dict.fromkeys(one.name for one in found))
    if len(names) > 1:
        raise MicrophoneError(f"{name!r} fits more than one microphone ({', '.join(names)}); give more of the name")
    if not found:
        known = ", ".join(dict.fromkeys(one.name for one in inputs))
        raise MicrophoneError(f"no microphone is called {name!r}; there are: {known}")
    return next((one for one in found if one.default), found[0])


def _best(inputs: Sequence[InputDevice]) -> InputDevice:
    if sys.platform.startswith("linux"):
        for name in PREFERRED:
            for one in inputs:
                if one.name == name:
                    return one
    return next((one for one in inputs if one.default), inputs[0])


def _restart() -> str:
    if sys.platform == "darwin":
        return "restart it: sudo killall coreaudiod"
    return "restart it: systemctl --user restart pipewire pipewire-pulse (or: pulseaudio --kill)"


def main() -> None:
    """The child: print what PortAudio has, or fail with its words."""
    try:
        # absent PortAudio shows as OSError at import
        import sounddevice
    except OSError as exc:
        raise SystemExit(str(exc)) from exc
    hosts = sounddevice.query_hostapis()
    default_in, default_out = sounddevice.default.device
    every = sounddevice.query_devices()
    inputs = [
        InputDevice(
            name=one["name"],
            host=hosts[one["hostapi"]]["name"],
            channels=one["max_input_channels"],
            rate_hz=round(one["default_samplerate"]),
            default=one["index"] == default_in,
        )
        for one in every
        if one["max_input_channels"] > 0
    ]
    answer = {
        "portaudio": sounddevice.get_portaudio_version()[1],
        "inputs": [asdict(one) for one in inputs],
        "output": every[default_out]["name"] if default_out >= 0 else None,
    }
    print(f"{ANSWER}{json.dumps(answer)}", flush=True)


if __name__ == "__main__":
    main()
