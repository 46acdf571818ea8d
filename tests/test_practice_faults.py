"""Every fault of a live rehearsal, made for real: noticed, said in a line, and nothing that was heard is lost.

The real program in a process of its own, on a pretend card into which speech is played; what is on disk
afterwards is compared with what was played.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT, pretend_card
from tests.live import Clip, Home, Live, clip, pieces_found
from voice_coach.audio.takes import Take, list_takes, read_samples, read_take
from voice_coach.records import SAMPLE_RATE_HZ
from voice_coach.rehearsal.patience import EARLY_SILENCE_S, HANGING_S

GO, HEARD, CHOOSE = "● Recording", "■ Heard", "Enter  "
QUIET = ("--quiet", "--keys-only", "--follow-ups", "0")

LOST_S = 1.0
"""What a fault may cost at most."""

LATE_S = 1.5
"""The first sample comes before the go sign is shown, and a busy machine shows it late."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def home(tmp_path: Path, cache: Path) -> Home:
    return Home(tmp_path / "home", cache)


@pytest.fixture(scope="module")
def shared_card(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A pretend card for the faults that leave it as it is."""
    with pretend_card(tmp_path_factory.mktemp("card") / "vmic") as folder:
        yield folder


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """Twelve seconds without a long pause."""
    return clip(tmp_path_factory.mktemp("speech"), "too_short", 3.5, 15.5)


@pytest.fixture
def unplugged(card: Path) -> int:
    """The module that is the card's only microphone; taking it out is pulling the plug."""
    listed = subprocess.run(["pactl", "list", "short", "modules"], capture_output=True, text=True, check=True).stdout
    return next(int(line.split()[0]) for line in listed.splitlines() if "module-null-sink" in line)


def unload(module: int) -> None:
    subprocess.run(["pactl", "unload-module", str(module)], check=True)


def daemon_of(card: Path) -> int:
    return int((card / "daemon.pid").read_text())


def kept_s(home: Home) -> float:
    """How much of the newest take is on disk."""
    takes = list_takes(home.takes)
    return takes[-1].duration_s if takes else 0.0


def until(held_s: float, home: Home) -> None:
    """Wait until the newest take holds so many seconds: the time of the sound, not of the clock."""
    deadline = time.monotonic() + held_s + 30.0
    while kept_s(home) < held_s:
        assert time.monotonic() < deadline, f"only {kept_s(home):.1f} s of {held_s:.1f} s came"
        time.sleep(0.05)


def assert_heard_as_played(speech: Clip, take: Take, *, until_s: float) -> None:
    """All speech that the take has room for is in it, from its first half second on, and nothing is cut out or put in.

    until_s: the take holds sound at least up to there.
    """
    samples = read_samples(take)
    found = pieces_found(speech.samples, samples[: round(until_s * SAMPLE_RATE_HZ)])
    assert found
    shifts = [at_s - played_s for played_s, at_s in found]
    assert max(shifts) - min(shifts) < 0.01, found
    # from the first to the last nothing between them is missing, and the last one reaches the end
    assert found[0][0] <= 0.5
    assert found[-1][1] >= until_s - LOST_S - 0.5
    assert len(found) >= 2 * (until_s - found[0][1]) - 4


def test_the_only_microphone_unplugged(card: Path, unplugged: int, home: Home, speech: Clip) -> None:
    """Said at once, everything before is judged and kept; another try says what to do, and quitting works."""
    with Live(home, *QUIET) as live:
        go_s = live.wait_for(GO)
        live.play(speech)
        until(4.0, home)
        pulled_s = time.monotonic()
        unload(unplugged)
        assert live.wait_for("! the microphone went away: plug it in again") - pulled_s < 3.0
        live.wait_for(HEARD)
        live.wait_for("Kept as")
        live.wait_for(CHOOSE)
        live.press("r")
        live.wait_for("! microphone pulse can't be opened")
        live.wait_for("try again")
        live.press("q")
        assert live.end() == 0
    take = list_takes(home.takes)[0]
    assert pulled_s - go_s - LOST_S <= take.duration_s <= pulled_s - go_s + LATE_S
    assert_heard_as_played(speech, take, until_s=take.duration_s)
    assert take.metadata is not None
    assert [(mark.kind, mark.at, mark.lost) for mark in take.metadata.marks] == [("gap", take.samples, None)]
    (entry,) = home.kept()
    assert (entry.take_id, entry.assessments) == (take.id, 1)


def test_another_microphone_in_its_place(card: Path, unplugged: int, home: Home, speech: Clip) -> None:
    """The gap is silence of its own length in the take, marked; what follows it is where it was said."""
    subprocess.run(
        ["pactl", "load-module", "module-null-sink", "sink_name=other"], check=True, stdout=subprocess.DEVNULL
    )
    with Live(home, *QUIET) as live:
        live.wait_for(GO)
        played = live.play(speech)
        until(3.0, home)
        # else the server takes the player over to the other card, too
        played.kill()
        unload(unplugged)
        live.wait_for("of sound is missing at")
        live.play(speech, "other")
        until(kept_s(home) + 4.0, home)
        live.press("q")
        assert live.end() == 0
    take = home.only_take()
    assert take.metadata is not None
    *changed, gap = take.metadata.marks
    # a second without any sound is told by itself, too
    assert {(mark.kind, mark.at) for mark in changed} <= {("device_change", gap.at)}
    assert gap.kind == "gap"
    assert gap.lost is not None
    assert gap.filled == gap.lost
    assert 0.3 < gap.lost / SAMPLE_RATE_HZ < 4.0
    samples = read_samples(take)
    assert not samples[gap.at : gap.at + gap.filled].any()
    assert_heard_as_played(speech, take, until_s=gap.at / SAMPLE_RATE_HZ)
    # what was said into the other one follows the silence, whole
    found = pieces_found(speech.samples, samples[gap.at + gap.filled :])
    shifts = [at_s - played_s for played_s, at_s in found]
    assert len(found) >= 4
    assert max(shifts) - min(shifts) < 0.01


def test_the_sound_server_killed_and_started_again(card: Path, home: Home, speech: Clip) -> None:
    """What was heard is judged; the answer can be given again as soon as the server is back."""
    with Live(home, *QUIET) as live:
        go_s = live.wait_for(GO)
        live.play(speech)
        until(3.0, home)
        killed_s = time.monotonic()
        os.kill(daemon_of(card), signal.SIGKILL)
        live.wait_for("! the microphone went away")
        live.wait_for(CHOOSE)
        live.press("r")
        live.wait_for("! ")
        live.wait_for("try again")
        with pretend_card(card):
            live.press("\n")
            live.wait_for(GO)
            until(1.0, home)
            live.press("q")
            assert live.end() == 0
    first, second = list_takes(home.takes)
    assert killed_s - go_s - LOST_S <= first.duration_s <= killed_s - go_s + LATE_S
    assert [take.state for take in (first, second)] == ["finished", "finished"]
    assert [(entry.take_id, entry.assessments) for entry in home.kept()] == [(first.id, 1), (second.id, 0)]


def test_the_sound_server_hangs(card: Path, home: Home, speech: Clip) -> None:
    """Said within two seconds. If it comes back, what is missing is marked; if not, the key still ends the answer."""
    with Live(home, *QUIET) as live:
        go_s = live.wait_for(GO)
        live.play(speech)
        until(2.0, home)
        os.kill(daemon_of(card), signal.SIGSTOP)
        stopped_s = time.monotonic()
        assert live.wait_for("! no sound has come for") - stopped_s < 3.0
        os.kill(daemon_of(card), signal.SIGCONT)
        live.wait_for("! sound comes again")
        until(kept_s(home) + 1.5, home)
        live.press("r")
        over_s = live.wait_for("Once more")
        live.wait_for(GO)
        until(1.0, home)
        os.kill(daemon_of(card), signal.SIGSTOP)
        live.wait_for("! no sound has come for")
        pressed_s = time.monotonic()
        live.press(" ")
        assert live.wait_for(HEARD) - pressed_s < 6.0
        live.press("q")
        code = live.end()
        os.kill(daemon_of(card), signal.SIGCONT)
    assert code == 0
    first, second = list_takes(home.takes)
    assert [take.state for take in (first, second)] == ["finished", "finished"]
    assert first.metadata is not None
    assert first.metadata.marks[0].kind == "device_change"
    # the clock of the answer goes on through it, whether the server hands out late what it missed or not
    assert abs(first.duration_s - (over_s - go_s)) < LATE_S
    before = first.metadata.marks[0].at / SAMPLE_RATE_HZ
    assert_heard_as_played(speech, first, until_s=before)
    assert second.duration_s >= 1.0


@pytest.mark.usefixtures("shared_card")
def test_a_muted_microphone_and_one_that_is_heard_again(home: Home, speech: Clip) -> None:
    with Live(home, *QUIET) as live:
        # before anything is asked
        live.wait_for("! the microphone gives nothing but zeros")
        live.wait_for("Question 1")
        live.wait_for(GO)
        live.wait_for("! the microphone gives nothing but zeros")
        live.play(speech)
        live.wait_for("! the microphone is heard again")
        until(kept_s(home) + 2.0, home)
        live.press("q")
        assert live.end() == 0
    assert_heard_as_played(speech, home.only_take(), until_s=home.only_take().duration_s)


@pytest.mark.usefixtures("shared_card")
def test_killed_in_the_middle_of_an_answer(home: Home, speech: Clip) -> None:
    """All but the last moment is on disk, and `recover` makes it whole."""
    with Live(home, *QUIET) as live:
        go_s = live.wait_for(GO)
        live.play(speech)
        until(4.0, home)
        killed_s = time.monotonic()
        live.signal(signal.SIGKILL)
        live.process.wait()
    left = home.only_take()
    assert left.state == "cut_off"
    assert killed_s - go_s - LOST_S <= left.duration_s <= killed_s - go_s + LATE_S
    run = recover(home)
    assert run.returncode == 0
    assert str(left.path) in run.stdout
    assert read_take(left.path).state == "finished"
    assert_heard_as_played(speech, left, until_s=left.duration_s)


@contextmanager
def disk(folder: Path, size: str) -> Iterator[Path]:
    """A small disk of its own."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "none", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"a small disk can't be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.usefixtures("shared_card")
@pytest.mark.parametrize("whole_home", [False, True], ids=["takes alone", "history, too"])
def test_a_disk_that_fills_up(home: Home, speech: Clip, tmp_path: Path, whole_home: bool) -> None:
    """What fits is kept, all that was heard is judged, and the next try says what to do before anybody speaks."""
    takes = home.takes if whole_home else tmp_path / "small" / "takes"
    if not whole_home:
        home.settings(f'takes = "{takes}"\n')
    with (
        disk(home.folder / "data", "224k") if whole_home else disk(tmp_path / "small", "128k"),
        Live(home, *QUIET) as live,
    ):
        live.wait_for(GO)
        live.play(speech)
        live.wait_for("! the disk is full: ")
        live.wait_for(HEARD)
        live.wait_for("You spoke for")
        live.wait_for(CHOOSE)
        live.press("r")
        live.wait_for("free some space before you start")
        live.wait_for("try again")
        live.press("q")
        assert live.end() == 0
        (take,) = list_takes(takes)
        assert take.state == "finished"
        assert take.metadata is not None
        (mark,) = take.metadata.marks
        assert (mark.kind, mark.at) == ("write_failed", take.samples)
        assert_heard_as_played(speech, take, until_s=take.duration_s)
        if not whole_home:
            (entry,) = home.kept()
            assert entry.assessments == 1


@pytest.mark.usefixtures("shared_card")
def test_without_a_speech_engine_the_words_are_shown(
    home: Home, speech: Clip, no_natural: dict[str, str], tmp_path: Path
) -> None:
    """With a stand-in for pyttsx3 that fails as it does where it finds no engine; told once."""
    (tmp_path / "no-natural" / "pyttsx3.py").write_text(
        "def init():\n    raise RuntimeError('This means you probably do not have eSpeak or eSpeak-ng installed!')\n"
    )
    with Live(home, "--keys-only", "--follow-ups", "0", environment=no_natural) as live:
        live.wait_for("! no speech engine: install one with apt install libespeak-ng1")
        live.wait_for("Coach: How do you handle incident response?")
        live.wait_for(GO)
        live.play(speech)
        until(2.0, home)
        live.press(" ")
        live.wait_for("Coach: You spoke for")
        live.wait_for(CHOOSE)
        live.press("\n")
        assert live.end() == 0
    assert live.said.count("no speech engine") == 1
    assert_heard_as_played(speech, home.only_take(), until_s=home.only_take().duration_s)


@pytest.mark.usefixtures("shared_card")
def test_a_laptop_that_sleeps_in_the_middle_of_an_answer(home: Home, speech: Clip) -> None:
    """The whole program stands still for four seconds, as in sleep."""
    with Live(home, *QUIET) as live:
        go_s = live.wait_for(GO)
        live.play(speech)
        until(2.0, home)
        live.signal(signal.SIGSTOP)
        time.sleep(4.0)
        live.signal(signal.SIGCONT)
        live.wait_for("! sound comes again")
        until(kept_s(home) + 1.5, home)
        live.press(" ")
        ended_s = live.wait_for(HEARD)
        live.press("q")
        assert live.end() == 0
    take = home.only_take()
    # the sound server went on listening meanwhile and has handed it out since
    assert abs(take.duration_s - (ended_s - go_s)) < LATE_S
    assert_heard_as_played(speech, take, until_s=take.duration_s)
    assert take.metadata is not None
    assert [mark.kind for mark in take.metadata.marks] == ["device_change"]


@pytest.mark.usefixtures("shared_card")
def test_a_patient_silence_ends_an_answer_and_one_in_mid_thought_does_not(home: Home, tmp_path: Path) -> None:
    """Past the least length: after "So I renewed it and" nothing ends within what is enough after a sentence."""
    home.settings("target_min_s = 2\ntarget_max_s = 60\n")
    hanging = clip(tmp_path, "too_short", 18.4, 19.6)
    whole = clip(tmp_path, "too_short", 28.9, 31.0)
    with Live(home, "--quiet", "--follow-ups", "0") as live:
        live.wait_for(GO)
        live.play(hanging).wait()
        until(kept_s(home) + EARLY_SILENCE_S + 0.7, home)
        before_s = kept_s(home)
        live.play(whole).wait()
        live.wait_for("Done? Go on speaking if not.")
        live.wait_for(HEARD)
        live.press("q")
        assert live.end() == 0
    assert live.said.count(HEARD) == 1
    take = home.only_take()
    silent_s = take.duration_s - before_s - whole.duration_s
    assert EARLY_SILENCE_S - 0.5 < silent_s < EARLY_SILENCE_S + HANGING_S + 2.0
    assert len(pieces_found(whole.samples, read_samples(take))) >= 3


CTRL_C = "\x03"
"""What a terminal hands over for it while single keys are read."""


@pytest.mark.usefixtures("shared_card")
@pytest.mark.parametrize(
    ("state", "way", "expected"),
    [
        ("asked", signal.SIGINT, 130),
        ("answering", CTRL_C, 0),
        ("answering", signal.SIGTERM, 143),
        ("judged", signal.SIGINT, 130),
        ("judged", "q", 0),
        ("told", signal.SIGINT, 130),
        ("choosing", signal.SIGINT, 130),
    ],
)
def test_leaving(home: Home, speech: Clip, state: str, way: str | signal.Signals, expected: int) -> None:
    """In every state it ends soon and in good order, and all that was said is kept."""
    aloud = state in ("asked", "told")
    with Live(home, *(QUIET[1:] if aloud else QUIET)) as live:
        live.wait_for("Coach: How do you handle" if aloud else GO)
        if state != "asked":
            if aloud:
                live.press("h")
                live.wait_for(GO)
            live.play(speech)
            until(3.0, home)
        if state in ("judged", "told", "choosing"):
            live.press(" ")
            live.wait_for({"judged": HEARD, "told": "Kept as", "choosing": CHOOSE}[state])
        if state == "told":
            live.wait_for("Coach: ")
        left_s = time.monotonic()
        if isinstance(way, str):
            live.press(way)
        else:
            live.signal(way)
        assert live.end() == expected
        assert time.monotonic() - left_s < 5.0
    if state == "asked":
        assert list_takes(home.takes) == ()
        return
    take = home.only_take()
    assert take.state == "finished"
    assert_heard_as_played(speech, take, until_s=take.duration_s)
    (entry,) = home.kept()
    assert (entry.take_id, entry.assessments) == (take.id, 1 if state in ("told", "choosing") else 0)


@pytest.mark.parametrize("missing", ["whisper-base.en-int8/model.bin", "lifecycle/model.onnx"])
def test_a_model_is_missing(shared_card: Path, home: Home, tmp_path: Path, missing: str) -> None:
    """One line before anything is asked: a copy of the program beside models that lack one file."""
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "voice_coach", copy / "voice_coach", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "models", copy / "models", ignore=shutil.ignore_patterns("data"), copy_function=os.link)
    (copy / "models" / missing).unlink()
    with Live(home, *QUIET, cwd=copy, environment={"PYTHONPATH": str(copy)}) as live:
        assert live.end() == 2
    (line,) = [line for _, line in live.lines if line.startswith("voice-coach: ")]
    assert f"{missing} is missing; install the program again" in line
    assert "Question" not in live.said


def recover(home: Home) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "voice_coach", "recover"],
        env={**os.environ, **home.environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
