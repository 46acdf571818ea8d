"""The coach's own voice, heard back: written to a file, and played through PortAudio on a pretend card."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jiwer
import pytest
import soundfile
from plain_text import plain

from tests.conftest import FIXTURES, ROOT, Run
from voice_coach.errors import OutputError, SpeechEngineError
from voice_coach.session import Coach
from voice_coach.voice.speaker import synthesize

SENTENCE = "You spoke for two minutes. Next time, name the channel and who got updates."
WORST_WER = 0.35
"""espeak is a robot and Whisper was not trained on it: every third word may be misheard."""


def heard(coach: Coach, wav: Path) -> str:
    return coach.analyze(wav).transcript.text


def test_what_is_written_is_what_was_asked_for(coach: Coach, tmp_path: Path) -> None:
    synthesize(SENTENCE, tmp_path / "said.wav")
    assert jiwer.wer(plain(SENTENCE), plain(heard(coach, tmp_path / "said.wav"))) <= WORST_WER


def test_utterances_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Two lines in one process lose one of them; two processes do not."""
    lengths = []
    for k, text in enumerate(("One.", "One two three four five six seven eight nine ten.", "One.")):
        synthesize(text, tmp_path / f"{k}.wav")
        lengths.append(soundfile.info(tmp_path / f"{k}.wav").duration)
    assert lengths[1] > 2 * lengths[0]
    assert lengths[0] == pytest.approx(lengths[2], abs=0.01)


def test_rate_changes_the_length(tmp_path: Path) -> None:
    for rate in (120, 220):
        synthesize(SENTENCE, tmp_path / f"{rate}.wav", rate_wpm=rate)
    slow, fast = (soundfile.info(tmp_path / f"{rate}.wav").duration for rate in (120, 220))
    assert slow > 1.3 * fast


def test_a_place_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="can't be written"):
        synthesize("Hello.", tmp_path / "file" / "said.wav")


def test_feedback_is_short_enough_when_really_spoken(coach: Coach, tmp_path: Path) -> None:
    for name in ("too_short", "off_topic"):
        feedback = coach.analyze(FIXTURES / f"{name}.flac").feedback
        assert feedback is not None
        synthesize(feedback.spoken, tmp_path / "said.wav")
        assert soundfile.info(tmp_path / "said.wav").duration <= 40.0


def test_without_an_engine_the_words_are_shown(
    program: Callable[..., Run], no_natural: dict[str, str], tmp_path: Path
) -> None:
    """With a stand-in for pyttsx3 that fails as it does where it finds no engine."""
    (tmp_path / "no-natural" / "pyttsx3.py").write_text(
        "def init():\n    raise RuntimeError('This means you probably do not have eSpeak or eSpeak-ng installed!')\n"
    )
    out = tmp_path / "said.wav"
    run = program("analyze", FIXTURES / "too_short.flac", "--speak-to", out, env=no_natural)
    assert run.code == 2
    assert "You spoke for" in run.out
    assert "no speech engine: install one with" in run.err
    assert "It would have said: You spoke for" in run.err
    assert "Traceback" not in run.err
    assert not out.exists()


def test_an_engine_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyttsx3.py").write_text("def init():\n    raise RuntimeError('broken in a new way')\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    with pytest.raises(SpeechEngineError, match="broken in a new way"):
        synthesize("Hello.", tmp_path / "said.wav")


@pytest.mark.usefixtures("card")
def test_what_is_played_is_heard_on_the_loopback(coach: Coach, tmp_path: Path) -> None:
    raw = tmp_path / "loopback.wav"
    recorder = subprocess.Popen(["parec", "--device=card.monitor", "--file-format=wav", str(raw)])
    code = f"from voice_coach.voice.speaker import speak; speak({SENTENCE!r})"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=ROOT)
    recorder.terminate()
    recorder.wait(timeout=10)
    assert jiwer.wer(plain(SENTENCE), plain(heard(coach, raw))) <= WORST_WER


def test_without_a_sound_card_it_says_so(tmp_path: Path) -> None:
    """In a child, with a sound system that has no device, since PortAudio lists devices once a process."""
    synthesize("Hello.", tmp_path / "said.wav")
    (tmp_path / "asound.conf").write_text("")
    code = (
        "from pathlib import Path\nfrom voice_coach.errors import PlaybackError\n"
        "from voice_coach.voice.speaker import play\n"
        f"try:\n    play(Path({str(tmp_path / 'said.wav')!r}))\nexcept PlaybackError as exc:\n    print(exc)\n"
    )
    env = {**os.environ, "ALSA_CONFIG_PATH": str(tmp_path / "asound.conf"), "PULSE_SERVER": "unix:/nowhere"}
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "no sound output" in done.stdout
