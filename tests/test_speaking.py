"""The interviewer's mouth: said whole, silent at once, cues at the cards, and what an engine's faults do to it.

What is played is heard on the pretend card's monitor.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import jiwer
import numpy as np
import pytest
import soundfile
from plain_text import plain

from tests.conftest import ROOT
from tests.test_interview import SHORT, Script, setting, sources
from voice_coach.audio.takes import list_takes
from voice_coach.errors import OutputError, PlaybackError, SpeechEngineError
from voice_coach.records import SAMPLE_RATE_HZ
from voice_coach.rehearsal.cueing import Cueing
from voice_coach.rehearsal.interview import Interview
from voice_coach.rehearsal.surface import CardColour
from voice_coach.session import Coach
from voice_coach.voice.speaker import speak
from voice_coach.voice.speaking import EngineVoice
from voice_coach.voice.synthesis import SystemEngine
from voice_coach.voice.tones import EDGE_S, PEAK, TONE_HZ, TONES, ToneEngine, cue_tone

SENTENCE = "You spoke for two minutes. Next time, name the channel and who got updates."
WORST_WER = 0.35
"""espeak is a robot and Whisper was not trained on it: every third word may be misheard."""

SILENT_WITHIN_S = 0.1
LOUD = 0.01
"""Half a percent of what the voice plays."""


class Monitor:
    """What the card plays, block by block as it comes, each with the time of its arrival."""

    def __init__(self) -> None:
        command = ["parec", "--device=card.monitor", "--latency-msec=10", "--raw"]
        command += ["--format=float32le", f"--rate={SAMPLE_RATE_HZ}", "--channels=1"]
        self._recorder = subprocess.Popen(command, stdout=subprocess.PIPE)
        self._blocks: list[tuple[float, np.ndarray]] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._recorder.stdout is not None
        while block := os.read(self._recorder.stdout.fileno(), 4096):
            whole = block[: len(block) // 4 * 4]
            self._blocks.append((time.monotonic(), np.frombuffer(whole, dtype=np.float32)))

    def stop(self) -> np.ndarray:
        """End it; everything that was heard."""
        self._recorder.terminate()
        self._recorder.wait(timeout=10)
        self._thread.join(timeout=10)
        assert self._recorder.stdout is not None
        self._recorder.stdout.close()
        return np.concatenate([block for _, block in self._blocks])

    def await_sound(self, *, since: float, limit_s: float = 30.0) -> None:
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            if self._last_loud(since) is not None:
                return
            time.sleep(0.02)
        pytest.fail(f"nothing was played in {limit_s:.0f} s")

    def sound_after(self, moment: float) -> float:
        """Seconds from `moment` on until the last sound that came after it; 0 where there was none."""
        last = self._last_loud(moment)
        return 0.0 if last is None else last - moment

    def _last_loud(self, since: float) -> float | None:
        loud = [at for at, block in list(self._blocks) if at > since and len(block) and np.abs(block).max() > LOUD]
        return max(loud, default=None)


@contextmanager
def monitored() -> Iterator[Monitor]:
    monitor = Monitor()
    try:
        yield monitor
    finally:
        monitor.stop()


@pytest.mark.usefixtures("card")
def test_a_line_of_several_sentences_is_said_whole(coach: Coach, tmp_path: Path) -> None:
    monitor = Monitor()
    line = EngineVoice().say(f"{SENTENCE} {SENTENCE}")
    assert line.wait(60)
    assert line.error is None
    soundfile.write(tmp_path / "heard.wav", monitor.stop(), SAMPLE_RATE_HZ)
    said = plain(coach.analyze(tmp_path / "heard.wav").transcript.text)
    assert jiwer.wer(plain(f"{SENTENCE} {SENTENCE}"), said) <= WORST_WER


@pytest.mark.usefixtures("card")
def test_stopping_is_silence_within_a_tenth_of_a_second() -> None:
    """The median of five; the measuring itself is late by up to 20 ms, more where the machine is busy."""
    silent_s = []
    with monitored() as monitor:
        for _ in range(5):
            began = time.monotonic()
            line = EngineVoice().say(SENTENCE * 3)
            monitor.await_sound(since=began)
            time.sleep(0.3)
            stopped = time.monotonic()
            line.stop()
            assert line.wait(5.0)
            assert line.error is None
            time.sleep(0.6)
            silent_s.append(monitor.sound_after(stopped))
    print(f"silent after {', '.join(f'{1000 * one:.0f}' for one in silent_s)} ms")
    assert statistics.median(silent_s) <= SILENT_WITHIN_S
    # and it stays so: no later sentence is begun
    assert max(silent_s) < 0.5


def rehearsing(tmp_path: Path, *arguments: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "voice_coach", *arguments, "--plain"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env={**os.environ, "XDG_DATA_HOME": str(tmp_path), "PYTHONUNBUFFERED": "1", **(env or {})},
        cwd=ROOT,
    )


def read_until(program: subprocess.Popen[str], told: str) -> list[str]:
    """Its lines up to the one with `told`; it ends by itself if that never comes."""
    assert program.stdout is not None
    lines = []
    for line in program.stdout:
        lines.append(line)
        if told in line:
            return lines
    pytest.fail(f"{told!r} never came: {lines}")


def press(program: subprocess.Popen[str], key: str) -> None:
    assert program.stdin is not None
    program.stdin.write(key)
    program.stdin.flush()


@pytest.mark.usefixtures("card")
def test_a_key_in_the_plain_screen_silences_the_question(tmp_path: Path) -> None:
    with monitored() as monitor, rehearsing(tmp_path, "practice", "--voice", "en") as program:
        read_until(program, "Coach: How do you handle")
        # the greeting has ended
        time.sleep(0.2)
        monitor.await_sound(since=time.monotonic())
        pressed = time.monotonic()
        press(program, "h")
        read_until(program, "● Recording")
        time.sleep(0.5)
        silent_s = monitor.sound_after(pressed)
        press(program, "q")
        program.communicate(timeout=30)
    print(f"silent {1000 * silent_s:.0f} ms after the key")
    assert program.returncode == 0
    # a single try beside other work; the limit itself is held above
    assert silent_s <= 3 * SILENT_WITHIN_S


# cues


@pytest.mark.parametrize("card", TONES)
def test_tones_are_soft_without_clicks_and_told_apart(card: str) -> None:
    tone = cue_tone(card)
    assert tone.dtype == np.float32
    assert 0.8 * PEAK < np.abs(tone).max() <= PEAK
    spectrum = np.abs(np.fft.rfft(tone))
    assert np.fft.rfftfreq(len(tone), 1 / SAMPLE_RATE_HZ)[spectrum.argmax()] == pytest.approx(TONE_HZ, abs=10)
    # a click is a jump: at either end it begins and ends at nothing, and rises slowly
    edge = round(EDGE_S * SAMPLE_RATE_HZ / 10)
    assert np.abs(np.concatenate([tone[:edge], tone[-edge:]])).max() < 0.03 * PEAK
    assert beeps(tone) == TONES[card]


def beeps(sound: np.ndarray) -> int:
    """How many times the tone is heard."""
    return len(beep_starts_s(sound))


def beep_starts_s(sound: np.ndarray) -> list[float]:
    """Where tones begin: blocks of 20 ms in which the tone's pitch is at least half as loud as all of it."""
    size = SAMPLE_RATE_HZ // 50
    blocks = sound[: len(sound) // size * size].reshape(-1, size).astype(np.float64)
    wave = np.exp(-2j * np.pi * TONE_HZ * np.arange(size) / SAMPLE_RATE_HZ)
    share = np.abs(blocks @ wave) / size * 2
    on = share > PEAK / 3
    return [float(k * size / SAMPLE_RATE_HZ) for k in np.flatnonzero(on & ~np.concatenate([[False], on[:-1]]))]


@pytest.mark.usefixtures("card")
def test_a_drill_plays_tones_at_the_cards_and_the_answer_goes_on(tmp_path: Path) -> None:
    """Loudspeakers at their worst: on the pretend card the microphone hears every tone in full."""
    (tmp_path / "voice-coach").mkdir()
    settings = tmp_path / "voice-coach" / "settings.toml"
    settings.write_text("target_min_s = 2\ntarget_max_s = 6\nvoice = 'en'\n")
    cards_s = {"green card": 2.0, "yellow card": 4.0, "red card": 6.0}
    arguments = ("drill", "--length", "main", "--cues", "tone", "--keys-only")
    with rehearsing(tmp_path, *arguments, env={"XDG_CONFIG_HOME": str(tmp_path)}) as program:
        read_until(program, "Question 1")
        press(program, "h")
        read_until(program, "Recording")
        read_until(program, "RED")
        time.sleep(1.5)
        press(program, "q")
        program.communicate(timeout=30)
    assert program.returncode == 0
    (take,) = list_takes(tmp_path / "voice-coach" / "takes")
    assert take.metadata is not None
    marks_s = {mark.note: mark.at / SAMPLE_RATE_HZ for mark in take.metadata.marks if mark.kind == "cue"}
    assert list(marks_s) == list(cards_s)
    # each is heard soon after its card, told by its number, and the take goes on behind the last
    starts_s = beep_starts_s(soundfile.read(take.path, dtype="float32")[0])
    assert len(starts_s) == sum(TONES.values())
    firsts_s = (starts_s[0], starts_s[1], starts_s[3])
    for card_s, marked_s, first_s in zip(cards_s.values(), marks_s.values(), firsts_s, strict=True):
        assert card_s <= marked_s < card_s + 0.5
        assert marked_s <= first_s < marked_s + 1.2
    assert take.duration_s > starts_s[-1] + 0.3


class Spoken:
    """A voice that writes down what it is to say, and can't be heard from the second line on."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.silenced = 0

    def say(self, text: str) -> Spoken:
        self.lines.append(text)
        return self

    @property
    def error(self) -> PlaybackError | None:
        return PlaybackError("no sound output") if len(self.lines) > 1 else None

    def wait(self, timeout_s: float | None = None) -> bool:
        return True

    def stop(self) -> None:
        self.silenced += 1

    def close(self) -> None:
        return None


def test_each_card_is_cued_once_until_it_can_not_be_heard_which_is_told_once() -> None:
    voice, marked = Spoken(), list[str]()
    cueing = Cueing(voice, marked.append)
    cards: list[CardColour] = ["white", "white", "green", "green", "yellow", "yellow", "yellow", "red", "overrun"]
    told = [cueing.at(card) for card in cards]
    assert voice.lines == marked == ["green", "yellow"]
    assert [one for one in told if one is not None] == ["no sound output"]
    cueing.stop()
    before = voice.silenced
    cueing.stop()
    assert voice.silenced == before


# engines with faults

STAND_IN = """
import os, signal, sys, time
from pathlib import Path
count = Path(__file__).with_name("count")
turn = len(count.read_text()) if count.exists() else 0
count.write_text("x" * (turn + 1))
faults = os.environ["FAULTS"].split()
fault = faults[min(turn, len(faults) - 1)]
class Engine:
    def setProperty(self, name, value):
        pass
    def save_to_file(self, text, out):
        self.out = out
    def runAndWait(self):
        if fault == "hangs":
            time.sleep(60)
        if fault == "crashes":
            os.kill(os.getpid(), signal.SIGSEGV)
        if fault == "raises":
            raise ValueError("out of breath")
        if fault == "breaks":
            Path(self.out).write_bytes(b"RIFF" + bytes(100))
def init():
    return Engine()
"""
TOLD = {
    "hangs": "the speech engine did not answer; the words are shown instead",
    "crashes": "the speech engine failed (it gave no reason)",
    "raises": "the speech engine failed (ValueError: out of breath)",
    "is mute": "the speech engine failed (the speech engine wrote no sound)",
    "breaks": "the speech engine wrote no sound that can be played; the words are shown instead",
}


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., EngineVoice]:
    """A voice whose engine fails in these ways, one after another, and goes on failing in the last."""

    def make(*faults: str) -> EngineVoice:
        (tmp_path / "pyttsx3.py").write_text(STAND_IN)
        monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
        monkeypatch.setenv("FAULTS", " ".join(fault.split()[-1] for fault in faults))
        return EngineVoice(engine=SystemEngine(limit_s=3.0))

    return make


def test_every_fault_of_an_engine_is_one_line_and_the_rehearsal_goes_on(
    coach: Coach, faulty: Callable[..., EngineVoice], tmp_path: Path
) -> None:
    surface = Script()
    made = setting(coach, tmp_path / "takes", sources(SHORT), voice=faulty(*TOLD), sources_end=True)
    answers = Interview(made, surface).run()
    warned = [line.removeprefix("! ") for line in surface.lines if line.startswith("!")]
    assert warned == list(TOLD.values())
    # all that could not be said is shown: the question, the feedback, the farewell
    assert [one.assessment is not None for one in answers] == [True]
    said = " ".join(surface.said)
    assert "How do you handle incident response?" in said
    assert "37 seconds" in said
    (take,) = list_takes(tmp_path / "takes")
    assert take.state == "finished"


def test_without_room_for_the_sound_a_line_ends_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    line = EngineVoice().say("Hello.")
    assert line.wait(5.0)
    assert "free some space, or name another one in TMPDIR" in f"{line.error}"
    with pytest.raises(OutputError, match="TMPDIR"):
        speak("Hello.")
    with pytest.raises(SpeechEngineError, match="free some space"):
        ToneEngine().write("green", tmp_path / "gone" / "0.wav", started=lambda child: None, stopped=lambda: False)


def test_a_line_that_is_stopped_while_the_engine_hangs_has_no_error(faulty: Callable[..., EngineVoice]) -> None:
    line = faulty("hangs").say("Hello.")
    assert not line.wait(0.5)
    line.stop()
    assert line.wait(2.0)
    assert line.error is None
