"""The capture path: real PortAudio on a pretend card, its faults made for real, and its rules by tables."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from tests.conftest import FIXTURES, ROOT, Run, pretend_card
from voice_coach.audio.capture import (
    QUIET_FIRST_S,
    QUIET_LATER_S,
    SETTLE_S,
    AudioSource,
    ClockWatch,
    SignalWatch,
    describe,
    listen,
)
from voice_coach.audio.devices import InputDevice, choose, sound_system
from voice_coach.audio.files import AudioFile
from voice_coach.audio.microphone import Microphone, Mixer
from voice_coach.audio.recorded import RecordedSource
from voice_coach.audio.resampling import Resampler
from voice_coach.errors import AudioFileError, MicrophoneError
from voice_coach.records import SAMPLE_RATE_HZ, Block, CaptureEvent, Samples

CARD_HZ = 48_000
NOTICED_S = 1.0
"""A device that went away has to be noticed within this."""


@pytest.fixture(scope="module")
def shared_card(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A pretend card for the tests that leave it as it is."""
    with pretend_card(tmp_path_factory.mktemp("card") / "vmic") as folder:
        yield folder


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second and a half of speech at the card's own rate."""
    samples, rate_hz = soundfile.read(FIXTURES / "strong_answer.flac")
    path = tmp_path_factory.mktemp("spoken") / "spoken.wav"
    soundfile.write(path, soxr.resample(samples[rate_hz : 5 * rate_hz // 2], rate_hz, CARD_HZ), CARD_HZ)
    return path


def at_16_khz(path: Path) -> Samples:
    with AudioFile(path) as file:
        return np.concatenate(list(file))


def daemon_of(folder: Path) -> int:
    return int((folder / "daemon.pid").read_text())


def shift(part: Samples, whole: Samples) -> tuple[float, float]:
    """Where in `whole` the part fits best, to a quarter of a sample, and the correlation there (-1 to 1)."""
    part, whole = (soxr.resample(one, 1, 4) for one in (part, whole))
    size = 1 << (len(part) + len(whole)).bit_length()
    product = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(part, size)), size)
    at = int(np.argmax(product[: len(whole) - len(part) + 1]))
    found = whole[at : at + len(part)]
    return at / 4, float(product[at] / (np.linalg.norm(part) * np.linalg.norm(found)))


def test_what_is_played_comes_out_whole_and_silence_is_named(shared_card: Path, spoken: Path) -> None:
    """First nothing is played (exact zeros), then some speech, then the microphone is stopped."""
    played: subprocess.Popen[bytes] | None = None
    blocks: list[Block] = []
    events: list[CaptureEvent] = []
    with Microphone() as microphone:
        assert (microphone.name, microphone.channels) == ("pulse", 2)
        for heard in microphone:
            if isinstance(heard, Block):
                blocks.append(heard)
                if played is not None and played.poll() is not None:
                    microphone.stop()
                continue
            events.append(heard)
            if heard.kind == "muted":
                played = subprocess.Popen(["paplay", str(spoken)])
    assert [event.kind for event in events] == ["started", "muted", "signal"]
    started, muted, _ = events
    assert started.sample == 0
    assert started.seconds is not None
    assert started.seconds < 1.0
    assert muted.time_s == pytest.approx(2.0, abs=0.1)
    # the places count on without a gap
    assert [block.start for block in blocks] == [0, *(block.end for block in blocks[:-1])]
    whole = np.concatenate([block.samples for block in blocks])
    assert whole.dtype == np.float32
    reference = at_16_khz(spoken)
    at, likeness = shift(reference, whole)
    assert likeness > 0.98
    # beginning and end fit at the same shift: nothing was lost or put in between
    half = len(reference) // 2
    for first in (0, half):
        place, likeness = shift(reference[first : first + half], whole)
        assert likeness > 0.98
        assert abs(place - first - at) <= 2


def test_a_device_that_appears_later_is_found_by_name(shared_card: Path, program: Callable[..., Run]) -> None:
    """PortAudio in this process made its list before; the microphone's opening makes a new one."""
    with Microphone():
        pass
    with (
        pytest.raises(MicrophoneError, match="no microphone is called 'headset'; there are: pulse, default"),
        Microphone("headset"),
    ):
        pass
    with (shared_card / "asound.conf").open("a") as file:
        file.write(
            f'pcm.headset {{ type pulse server "unix:{shared_card}/native" hint {{ show on description "H" }} }}\n'
        )
    with Microphone("HEAD") as microphone:
        assert microphone.name == "headset"
        assert next(iter(microphone)).kind == "started"  # type: ignore[union-attr]
    run = program("devices", "--device", "headset", "--listen", "0.5")
    assert run.code == 2
    assert "* headset  (ALSA, 44100 Hz, 32 channels)\n" in run.out
    assert "level: exact zeros" in run.out
    assert run.error_lines[0].startswith("Say something")
    assert "unmute it" in run.error_lines[1]


def test_an_unknown_name_ends_in_one_line(shared_card: Path, program: Callable[..., Run]) -> None:
    run = program("devices", "--device", "gooseneck")
    assert run.code == 2
    assert run.out == ""
    assert (
        run.err
        == "voice-coach: no microphone is called 'gooseneck'; there are: "
        + ", ".join(one.name for one in sound_system().inputs)
        + "\n"
    )


def test_doctor_with_a_microphone(shared_card: Path, program: Callable[..., Run], tmp_path: Path) -> None:
    """Ready where sound comes in; not ready where only zeros do."""
    noise = np.random.default_rng(1).normal(0.0, 0.05, 20 * CARD_HZ)
    soundfile.write(tmp_path / "noise.wav", noise, CARD_HZ)
    with subprocess.Popen(["paplay", str(tmp_path / "noise.wav")]) as playing:
        run = program("doctor")
        playing.kill()
    assert run.code == 0, run.out
    assert run.err == ""
    lines = {line.split()[1]: line for line in run.out.splitlines()}
    assert set(lines) >= {"PortAudio", "microphone", "level", "sound", "speech", "model", "GPU", "storage"}
    assert "FAULT" not in run.out
    assert "dBFS" in lines["level"]
    silent = program("doctor")
    assert silent.code == 1
    assert [line.split()[1] for line in silent.out.splitlines() if line.startswith("FAULT")] == ["level"]
    assert "nothing but zeros" in silent.out


def without_sound(tmp_path: Path) -> dict[str, str]:
    """An environment with a sound system that has no device."""
    (tmp_path / "asound.conf").write_text("</usr/share/alsa/alsa.conf>\n")
    return {"ALSA_CONFIG_PATH": str(tmp_path / "asound.conf"), "PULSE_SERVER": "unix:/nowhere"}


def test_doctor_without_a_microphone(program: Callable[..., Run], tmp_path: Path) -> None:
    run = program("doctor", env=without_sound(tmp_path))
    assert run.code == 1
    faults = [line for line in run.out.splitlines() if line.startswith("FAULT")]
    assert len(faults) == 1
    assert "no microphone found; plug one in" in faults[0]
    assert "OK     model" in run.out
    assert run.err == ""


def test_doctor_names_a_place_that_can_not_be_written_and_one_that_others_can_read(
    program: Callable[..., Run], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    run = program("doctor", env={**without_sound(tmp_path), "XDG_DATA_HOME": str(tmp_path / "file")})
    assert run.code == 1
    assert "can't be written (Not a directory)" in run.out
    open_to_all = tmp_path / "data" / "voice-coach" / "takes"
    open_to_all.mkdir(parents=True)
    open_to_all.chmod(0o755)
    run = program("doctor", env={**without_sound(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")})
    assert f"run: chmod 700 {open_to_all}" in run.out


def test_doctor_names_a_full_disk(program: Callable[..., Run], tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small disk can't be mounted here: {mounted.stderr.decode().strip()}")
    try:
        run = program("doctor", env={**without_sound(tmp_path), "XDG_DATA_HOME": str(disk)})
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert "only 1 MB free" in run.out
    assert run.code == 1


def test_without_a_microphone_devices_says_so(program: Callable[..., Run], tmp_path: Path) -> None:
    run = program("devices", env=without_sound(tmp_path))
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith("voice-coach: no microphone found; plug one in")


def test_a_sound_set_up_that_kills_the_process_costs_only_a_child(program: Callable[..., Run]) -> None:
    """ALSA without its configuration ends the process from inside PortAudio."""
    if sys.platform != "linux":
        pytest.skip("ALSA is Linux's")
    run = program("devices", env={"ALSA_CONFIG_PATH": "/nowhere/asound.conf"})
    assert run.code == 2
    assert run.error_lines == [run.err.strip()]
    assert "the sound set-up is broken" in run.err
    assert program("doctor", env={"ALSA_CONFIG_PATH": "/nowhere/asound.conf"}).out.startswith("FAULT  PortAudio")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise SystemExit('OSError: PortAudio library not found')", "apt install libportaudio2"),
        ("raise SystemExit('something new')", "something new"),
        ("print('voice-coach-sound:{}'); import os; os.abort()", "signal 6"),
    ],
)
def test_a_probe_that_fails(code: str, said: str) -> None:
    with pytest.raises(MicrophoneError, match=said):
        sound_system([sys.executable, "-c", code])


def test_a_device_that_goes_away_is_noticed_and_nothing_before_is_lost(
    card: Path, program: Callable[..., Run], capfd: pytest.CaptureFixture[str]
) -> None:
    """The only source vanishes: an event, no exception; PortAudio's and ALSA's complaints stay off the screen."""
    unplugged_s = noticed_s = 0.0
    heard_until = 0
    kinds = []
    with Microphone() as microphone:
        for heard in microphone:
            if isinstance(heard, CaptureEvent):
                kinds.append(heard.kind)
                noticed_s = time.monotonic()
                assert heard.sample == heard_until
                continue
            heard_until = heard.end
            if not unplugged_s and heard.end_s > 0.5:
                unplugged_s = time.monotonic()
                subprocess.run(["pactl", "unload-module", "module-null-sink"], check=True)
    assert kinds == ["started", "gone"]
    assert noticed_s - unplugged_s < NOTICED_S
    assert heard_until / SAMPLE_RATE_HZ > 0.5
    assert capfd.readouterr().err == ""
    # and it can't be opened again, which is one line, too
    run = program("devices", "--listen", "0.5")
    assert run.code == 2
    assert [line.partition(" ")[0] for line in run.error_lines] == ["Say", "voice-coach:"]
    assert "microphone pulse can't be opened" in run.err


def test_another_source_in_its_place_leaves_a_gap_that_is_marked(card: Path) -> None:
    """The sound server moves the stream to the next source after some 2 s; nothing in PortAudio says so."""
    subprocess.run(
        ["pactl", "load-module", "module-null-sink", "sink_name=other"], check=True, stdout=subprocess.DEVNULL
    )
    missing: CaptureEvent | None = None
    unloaded = heard_until = 0
    began_s = 0.0
    with Microphone() as microphone:
        for heard in microphone:
            if isinstance(heard, Block):
                began_s = began_s or time.monotonic() - heard.end_s
                heard_until = heard.end
                if not unloaded and heard.end_s > 1.2:
                    unloaded = heard.end
                    subprocess.run(["pactl", "unload-module", "1"], check=True)
            elif heard.kind == "behind":
                missing = heard
                break
            assert heard_until < 6 * SAMPLE_RATE_HZ
    assert missing is not None
    # what came after it waits until now, so that silence can be put in its place
    assert missing.sample == pytest.approx(heard_until, abs=0.02 * SAMPLE_RATE_HZ)
    passed_s = time.monotonic() - began_s - heard_until / SAMPLE_RATE_HZ
    assert missing.seconds == pytest.approx(passed_s - SETTLE_S, abs=0.2)
    assert missing.sample == pytest.approx(unloaded, abs=0.3 * SAMPLE_RATE_HZ)


def test_a_hung_sound_server_can_not_hang_the_program(shared_card: Path) -> None:
    """Stopped mid-way: said after a second, stopped within two, and the process ends."""
    code = (
        "import os, signal, sys, time\n"
        "from voice_coach.audio.microphone import Microphone\n"
        "from voice_coach.records import CaptureEvent\n"
        "with Microphone() as microphone:\n"
        "    for heard in microphone:\n"
        "        if isinstance(heard, CaptureEvent):\n"
        "            print(heard.kind)\n"
        "            if heard.kind == 'stalled':\n"
        "                began = time.monotonic()\n"
        "                microphone.stop()\n"
        "                print(time.monotonic() - began < 2.0)\n"
        "        elif heard.start_s < 0.3 <= heard.end_s:\n"
        "            os.kill(int(sys.argv[1]), signal.SIGSTOP)\n"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, str(daemon_of(shared_card))],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=15,
            check=True,
        )
    finally:
        os.kill(daemon_of(shared_card), signal.SIGCONT)
    assert done.stdout.split() == ["started", "stalled", "True"]


class BusyMicrophone(Microphone):
    """A microphone on a computer that is too busy for half a second to take what PortAudio hands out.

    PulseAudio keeps that much, so PortAudio's overflow flag, which other systems would raise, is put in by hand.
    """

    frames_before = calls = 0

    def _take(self, frames: Samples, count: int, times: object, flags: object) -> None:
        self.calls += 1
        if self.calls < 30:
            self.frames_before += count
        super()._take(frames, count, times, 2 if self.calls == 30 else flags)
        if self.calls == 30:
            time.sleep(0.5)


@pytest.mark.usefixtures("shared_card")
def test_an_overflow_is_placed_and_what_came_late_is_not_called_lost() -> None:
    events = []
    with BusyMicrophone() as microphone:
        for heard in microphone:
            if isinstance(heard, CaptureEvent):
                events.append(heard)
            elif heard.end_s > 1.7:
                break
    assert [event.kind for event in events] == ["started", "overflow"]
    assert events[1].time_s == pytest.approx(microphone.frames_before / microphone.rate_hz, abs=0.001)


LISTED = (
    InputDevice("HDA Intel: ALC (hw:0,0)", "ALSA", 2, 44_100, default=True),
    InputDevice("USB Headset (hw:1,0)", "ALSA", 1, 16_000, default=False),
    InputDevice("USB Webcam (hw:2,0)", "ALSA", 2, 32_000, default=False),
    InputDevice("default", "ALSA", 32, 44_100, default=False),
    InputDevice("pulse", "ALSA", 32, 44_100, default=False),
)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has raw devices beside a sound server's")
def test_the_sound_server_is_preferred_to_a_raw_device() -> None:
    assert choose(LISTED).name == "pulse"
    assert choose(LISTED[:4]).name == "default"
    assert choose(LISTED[:3]).name.startswith("HDA")


@pytest.mark.parametrize(
    ("name", "found"), [("usb headset", "USB Headset (hw:1,0)"), ("PULSE", "pulse"), ("hw:2", "USB Webcam (hw:2,0)")]
)
def test_a_part_of_the_name_is_enough(name: str, found: str) -> None:
    assert choose(LISTED, name).name == found


@pytest.mark.parametrize(("name", "said"), [("usb", "fits more than one"), ("goose", "there are: HDA")])
def test_a_name_that_does_not_settle_it(name: str, said: str) -> None:
    with pytest.raises(MicrophoneError, match=said):
        choose(LISTED, name)


def arrivals(watch: ClockWatch, times: Iterator[tuple[int, float]] | list[tuple[int, float]]) -> list[CaptureEvent]:
    return [event for frames, at_s in times for event in watch.arrived(frames, at_s)]


def steady(blocks: int, *, start_s: float = 0.1, drift: float = 1.0) -> list[tuple[int, float]]:
    """Blocks of 10 ms at 48 kHz, one after the other, with some jitter, by a clock that may be off."""
    return [(480, start_s + 0.01 * k * drift + 0.004 * (k % 3)) for k in range(blocks)]


@pytest.mark.parametrize("drift", [1.0, 1.0003, 0.9997])
def test_two_clocks_that_differ_lose_nothing(drift: float) -> None:
    """300 millionths over ten minutes add up to 0.18 s, none of it lost."""
    events = arrivals(ClockWatch(48_000, 0.0), steady(60_000, drift=drift))
    assert [event.kind for event in events] == ["started"]
    assert events[0].seconds == pytest.approx(0.1)


def test_missing_sound_is_placed_and_measured() -> None:
    times = [(frames, at_s + (0.4 if k >= 500 else 0.0)) for k, (frames, at_s) in enumerate(steady(1_000))]
    [_, behind] = arrivals(ClockWatch(48_000, 0.0), times)
    assert behind.kind == "behind"
    assert behind.time_s == pytest.approx(5.0, abs=0.02)
    assert behind.seconds == pytest.approx(0.4, abs=0.02)


def fed(watch: ClockWatch, times: list[tuple[int, float]]) -> Iterator[tuple[float, str, int | None]]:
    """Events with their times and the frame that was in doubt as each came, told as the clock goes on, too."""
    for frames, at_s in times:
        yield from ((at_s, event.kind, watch.unsettled_at) for event in watch.arrived(frames, at_s))


@pytest.mark.parametrize("gap_s", [0.4, 2.0])
def test_what_is_missing_after_a_pause_is_known_while_its_place_is_in_doubt(gap_s: float) -> None:
    """The sound after it waits meanwhile, so that the silence can be put before it."""
    times = [(frames, at_s + (gap_s if k >= 450 else 0.0)) for k, (frames, at_s) in enumerate(steady(1_000))]
    watch = ClockWatch(48_000, 0.0)
    found = list(fed(watch, times))
    behind = next(one for one in found if one[1] == "behind")
    assert behind[0] == pytest.approx(4.6 + gap_s + SETTLE_S, abs=0.02)
    assert behind[2] == 450 * 480
    assert watch.unsettled_at is None
    assert len([one for one in found if one[1] == "behind"]) == 1


def test_two_pauses_in_a_row_are_two_places() -> None:
    """The second one cuts the doubt about the first short."""
    times = [
        (frames, at_s + (2.0 if k >= 450 else 0.0) + (2.0 if k >= 470 else 0.0))
        for k, (frames, at_s) in enumerate(steady(1_000))
    ]
    events = arrivals(ClockWatch(48_000, 0.0), times)
    assert [(event.kind, event.time_s) for event in events if event.kind == "behind"] == [
        ("behind", pytest.approx(4.5, abs=0.02)),
        ("behind", pytest.approx(4.7, abs=0.02)),
    ]


def test_blocks_that_come_late_and_all_at_once_are_not_lost() -> None:
    """The computer was busy for 1.5 s, and PortAudio kept everything."""
    times = [(frames, max(at_s, 6.5) if 500 <= k < 650 else at_s) for k, (frames, at_s) in enumerate(steady(1_000))]
    assert [event.kind for event in arrivals(ClockWatch(48_000, 0.0), times)] == ["started", "stalled", "resumed"]


def test_a_stall_is_told_once_and_ends() -> None:
    watch = ClockWatch(48_000, 10.0)
    assert watch.patience_s(10.25) == pytest.approx(0.75)
    assert [event.kind for event in watch.waited(10.9)] == []
    assert [event.kind for event in watch.waited(11.0)] == ["stalled"]
    assert [event.kind for event in watch.waited(12.0)] == []
    [started] = arrivals(watch, [(480, 12.5)])
    assert (started.kind, started.seconds) == ("started", 2.5)


def kinds_of(watch: SignalWatch, samples: Samples) -> list[tuple[str, float]]:
    """Events with their times, fed in blocks of 441."""
    found = []
    for first in range(0, len(samples), 441):
        found += [(event.kind, event.time_s) for event in watch.push(samples[first : first + 441])]
    return found


def noise(seconds: float, dbfs: float) -> Samples:
    rng = np.random.default_rng(7)
    return (rng.normal(0.0, 1.0, round(seconds * 44_100)) * 10 ** (dbfs / 20)).astype(np.float32)


def test_zeros_are_named_after_two_seconds_and_their_end_too() -> None:
    silence = np.zeros(3 * 44_100, dtype=np.float32)
    found = kinds_of(SignalWatch(44_100), np.concatenate([noise(1.0, -30.0), silence, noise(1.0, -30.0)]))
    assert [kind for kind, _ in found] == ["muted", "signal"]
    assert [at_s for _, at_s in found] == pytest.approx([3.0, 4.0], abs=0.02)
    assert kinds_of(SignalWatch(44_100), silence[: round(1.9 * 44_100)]) == []


@pytest.mark.parametrize("offset", [0.0, 0.1], ids=["plain", "with an offset"])
def test_near_silence_is_named_sooner_before_the_first_word_than_after(offset: float) -> None:
    room = noise(QUIET_FIRST_S + 0.2, -70.0) + np.float32(offset)
    assert kinds_of(SignalWatch(44_100), room) == [("quiet", pytest.approx(QUIET_FIRST_S, abs=0.02))]
    after = np.concatenate([noise(1.0, -25.0), noise(QUIET_LATER_S + 0.2, -70.0), noise(0.5, -25.0)]) + np.float32(
        offset
    )
    assert [kind for kind, _ in kinds_of(SignalWatch(44_100), after)] == ["quiet", "signal"]


def test_a_room_that_is_merely_quiet_between_words_is_fine() -> None:
    thinking = np.concatenate([noise(1.0, -25.0), noise(10.0, -70.0), noise(1.0, -25.0)])
    assert kinds_of(SignalWatch(44_100), thinking) == []


@pytest.mark.parametrize(
    ("frames", "mono"),
    [
        ([[0.5, 0.0], [0.25, 0.0]], [0.5, 0.25]),
        ([[0.5, 0.25], [0.5, 0.25]], [0.375, 0.375]),
        ([[0.0, 0.0]], [0.0]),
        ([[0.5], [0.25]], [0.5, 0.25]),
    ],
    ids=["one side of a headset", "both", "silence", "mono"],
)
def test_channels_that_carry_nothing_do_not_count(frames: list[list[float]], mono: list[float]) -> None:
    block = np.array(frames, dtype=np.float32)
    assert Mixer(block.shape[1]).mix(block).tolist() == mono


def test_a_pause_on_one_channel_does_not_change_the_level() -> None:
    mixer = Mixer(2)
    mixer.mix(np.array([[0.5, 0.5]], dtype=np.float32))
    assert mixer.mix(np.array([[0.5, 0.0]], dtype=np.float32)).tolist() == [0.25]


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000])
def test_resampling_in_pieces_keeps_length_and_places(rate_hz: int) -> None:
    seconds = np.arange(rate_hz + 123) / rate_hz
    tone = np.sin(2 * np.pi * 440.0 * seconds).astype(np.float32)
    resampler = Resampler(rate_hz)
    out = [resampler.push(tone[first : first + 417]) for first in range(0, len(tone), 417)]
    whole = np.concatenate([*out, resampler.finish()])
    assert len(whole) == resampler.given == round(len(tone) * SAMPLE_RATE_HZ / rate_hz)
    expected = np.sin(2 * np.pi * 440.0 * np.arange(len(whole)) / SAMPLE_RATE_HZ)
    inside = slice(800, -800)
    assert np.abs(whole[inside] - expected[inside]).max() < 0.01


def test_a_recording_plays_the_microphone(spoken: Path) -> None:
    """Fast, with the very samples that the reader of files gives."""
    source: AudioSource = RecordedSource(spoken, fast=True)
    with source:
        heard = list(source)
    assert [one.kind for one in heard if isinstance(one, CaptureEvent)] == ["started"]
    blocks = [one for one in heard if isinstance(one, Block)]
    assert np.array_equal(np.concatenate([block.samples for block in blocks]), at_16_khz(spoken))
    assert [block.start for block in blocks[1:]] == [block.end for block in blocks[:-1]]
    assert not blocks[0].samples.flags.writeable


def test_a_recording_as_if_live_takes_its_time_and_can_be_stopped(spoken: Path) -> None:
    with RecordedSource(spoken) as source:
        began_s = time.monotonic()
        threading.Timer(0.5, source.stop).start()
        blocks = [one for one in source if isinstance(one, Block)]
    assert time.monotonic() - began_s == pytest.approx(0.5, abs=0.2)
    assert blocks[-1].end_s == pytest.approx(0.5, abs=0.2)


def test_a_silent_recording_is_as_muted_as_a_microphone(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "zeros.wav", np.zeros(3 * 16_000), 16_000)
    reading = listen(RecordedSource(tmp_path / "zeros.wav", fast=True), 3.0)
    assert reading.peak_dbfs is None
    assert [event.kind for event in reading.events] == ["started", "muted"]
    assert [fault.kind for fault in reading.faults] == ["muted"]


def test_the_level_of_a_reading(tmp_path: Path) -> None:
    tone = 0.1 * np.sin(2 * np.pi * 200.0 * np.arange(16_000) / 16_000)
    soundfile.write(tmp_path / "tone.wav", tone, 16_000, subtype="FLOAT")
    reading = listen(RecordedSource(tmp_path / "tone.wav", fast=True), 1.0)
    assert reading.loudest_dbfs == pytest.approx(-23.0, abs=0.1)
    assert reading.peak_dbfs == pytest.approx(-20.0, abs=0.1)
    assert reading.faults == ()


def test_a_recording_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match="no such file"), RecordedSource(tmp_path / "nowhere.wav"):
        pass


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (CaptureEvent("muted", 0, 2.0), "unmute it"),
        (CaptureEvent("quiet", 0, 5.0), "come closer"),
        (CaptureEvent("overflow", 32_000), "at 2.0 s"),
        (CaptureEvent("behind", 16_000, 1.84), "1.8 s of sound is missing at 1.0 s"),
        (CaptureEvent("stalled", 0, 1.0), "cable"),
        (CaptureEvent("resumed", 0, 1.9), "another microphone"),
        (CaptureEvent("gone", 0), "plug it in again"),
    ],
)
def test_each_fault_says_what_to_do_in_one_line(event: CaptureEvent, said: str) -> None:
    assert said in describe(event)
    assert "\n" not in describe(event)
