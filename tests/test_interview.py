"""The rehearsal's loop on the shipped models, with recordings in the microphone's place and keys from a script."""

from __future__ import annotations

import errno
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.conftest import FIXTURES, Run
from voice_coach.audio import takes
from voice_coach.audio.capture import AudioSource, Heard
from voice_coach.audio.recorded import RecordedSource
from voice_coach.audio.takes import TakeRecorder, list_takes
from voice_coach.errors import PlaybackError, TakeError
from voice_coach.hearing import Hearing
from voice_coach.keeping import HistoryKeeper
from voice_coach.records import SAMPLE_RATE_HZ, Assessment, Block, CaptureEvent, Changes, Question
from voice_coach.rehearsal.closing import spoken_closing, summary_lines
from voice_coach.rehearsal.interview import Interview
from voice_coach.rehearsal.listening import Listening
from voice_coach.rehearsal.patience import EARLY_SILENCE_S
from voice_coach.rehearsal.setting import MuteVoice, Setting
from voice_coach.rehearsal.surface import Answered, CardColour, Key, Progress
from voice_coach.session import Coach
from voice_coach.settings import Settings
from voice_coach.voice.speaking import Utterance

SHORT = FIXTURES / "too_short.flac"
LIMIT_S = 180.0


class Script:
    """A surface that answers each state with the keys planned for it, and writes down what it was shown.

    keys: by state ("asking", "answering", "judging", "choosing"), handed out in order; while somebody
    answers only once `after_s` of it are kept.
    """

    def __init__(self, *, after_s: float = 0.0, **keys: list[Key]) -> None:
        self.state = "asking"
        self.lines: list[str] = []
        self.asked: list[str] = []
        self.said: list[str] = []
        self.changes: list[Changes | None] = []
        self.assessments: list[Assessment] = []
        self.answered_s = 0.0
        self.cards_spoken_to: list[CardColour] = []
        self.gone = 0
        self.closed: tuple[Answered, ...] | None = None
        self._keys, self._after_s = keys, after_s
        self._until = time.monotonic() + LIMIT_S

    def tell(self, line: str) -> None:
        self.lines.append(line)

    def warn(self, line: str) -> None:
        self.lines.append(f"! {line}")

    def ask(self, question: Question, number: int) -> None:
        self.state = "asking"
        self.asked.append(question.id)

    def go(self) -> None:
        self.state, self.gone = "answering", self.gone + 1

    def progress(self, progress: Progress) -> None:
        if progress.spoken_to:
            self.cards_spoken_to.append(progress.card)
        else:
            self.answered_s = progress.answered_s

    def heard(self) -> None:
        self.state = "judging"

    def say(self, text: str) -> None:
        self.said.append(text)

    def assessed(self, assessment: Assessment, changes: Changes | None) -> None:
        self.assessments.append(assessment)
        self.changes.append(changes)

    def choose(self, line: str) -> None:
        self.state = "choosing"
        self.lines.append(line)

    def close(self, answers: tuple[Answered, ...]) -> None:
        self.closed = answers

    def rest(self, timeout_s: float) -> None:
        """Press nothing."""
        time.sleep(min(timeout_s, 0.02))

    def key(self, timeout_s: float) -> Key | None:
        assert time.monotonic() < self._until, f"nothing came of it in {LIMIT_S} s; state {self.state}"
        planned = self._keys.get(self.state, [])
        if planned and (self.state != "answering" or self.answered_s >= self._after_s):
            self.answered_s = 0.0
            return planned.pop(0)
        time.sleep(min(timeout_s, 0.02))
        return None


class Failing:
    """A voice that can't be heard."""

    error = PlaybackError("no sound output on this machine; the words are shown instead")

    def say(self, text: str) -> Utterance:
        return self

    def wait(self, timeout_s: float | None = None) -> bool:
        return True

    def stop(self) -> None:
        return None

    def close(self) -> None:
        return None


class Lasting(MuteVoice):
    """A voice that takes a moment for each line."""

    def say(self, text: str) -> Utterance:
        return Line()


class Line:
    error = None

    def __init__(self) -> None:
        self._until = time.monotonic() + 0.3

    def wait(self, timeout_s: float | None = None) -> bool:
        time.sleep(min(timeout_s or 0.0, 0.02))
        return time.monotonic() >= self._until

    def stop(self) -> None:
        self._until = 0.0


def setting(coach: Coach, takes: Path, source: Callable[[], AudioSource | None], **more: object) -> Setting:
    plain = Setting(
        coach=coach,
        takes=takes,
        questions=(coach.main_question,),
        level="mid",
        source=source,
        voice=MuteVoice(),
        follow_ups=0,
        patient=False,
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def sources(*paths: Path, fast: bool = True) -> Callable[[], AudioSource | None]:
    waiting: Iterator[Path] = iter(paths)
    return lambda: next((RecordedSource(path, fast=fast) for path in waiting), None)


def live() -> Callable[[], AudioSource | None]:
    """A fresh source at live pace whenever one is asked for, the microphone check included."""
    return lambda: RecordedSource(SHORT)


def test_an_answer_and_its_follow_up_are_asked_heard_judged_and_kept(coach: Coach, tmp_path: Path) -> None:
    surface = Script()
    made = setting(coach, tmp_path, sources(SHORT, SHORT), follow_ups=1, sources_end=True)
    answers = Interview(made, surface).run()
    assert surface.closed == answers
    assert surface.asked[0] == "incident-response"
    assert len(surface.asked) == 2
    assert surface.asked[1] in {one.follow_up.id for one in coach.pack.follow_ups}
    assert [one.question.purpose for one in answers] == ["main", "follow_up"]
    first, second = surface.assessments
    # the follow-up has a target of its own
    assert second.delivery is not None
    assert (second.delivery.target.min_s, second.delivery.target.max_s) == (60.0, 90.0)
    takes = list_takes(tmp_path)
    assert [take.state for take in takes] == ["finished", "finished"]
    # to the letter the words of the take on disk; the recording itself is finer than a take's 16 bits, which decides
    # between "into" and "in to" where it is close
    assert first.transcript.text == coach.analyze(takes[0].path).transcript.text
    assert [take.metadata.question_id for take in takes if take.metadata] == surface.asked
    for take in takes:
        assert take.duration_s == pytest.approx(first.recording.duration_s, abs=0.05) if first.recording else False
    # the verdict on time is said first, and once
    assert first.feedback is not None
    said = " ".join(surface.said)
    assert said.count(first.feedback.verdict) >= 1
    assert surface.said[1] == first.feedback.verdict


def test_what_will_not_be_asked_is_not_announced(coach: Coach, tmp_path: Path) -> None:
    surface = Script()
    Interview(setting(coach, tmp_path, sources(SHORT), sources_end=True), surface).run()
    assert "Next question" not in " ".join(surface.said)


def test_a_second_try_shows_what_changed(coach: Coach, tmp_path: Path) -> None:
    surface = Script(choosing=["over", "go"])
    made = setting(coach, tmp_path, sources(SHORT, SHORT, SHORT))
    Interview(made, surface).run()
    assert surface.asked == ["incident-response", "incident-response"]
    assert surface.changes[0] is None
    assert surface.changes[1] is not None
    assert surface.changes[1].cut == ()
    # no next question is announced where none will be asked
    assert [one.feedback.follow_up for one in surface.assessments if one.feedback] == [None, None]
    assert len(list_takes(tmp_path)) == 2


def test_the_key_ends_an_answer(coach: Coach, tmp_path: Path) -> None:
    surface = Script(after_s=3.0, answering=["go"], choosing=["go"])
    answers = Interview(setting(coach, tmp_path, live()), surface).run()
    assert surface.gone == 1
    (take,) = list_takes(tmp_path)
    assert 3.0 <= take.duration_s < 8.0
    assert answers[0].assessment is not None
    assert answers[0].assessment.transcript.text.startswith("Well")


@pytest.mark.parametrize("key", ["quit", "skip"])
def test_leaving_an_answer_keeps_it(coach: Coach, tmp_path: Path, key: Key) -> None:
    surface = Script(after_s=2.0, answering=[key], choosing=["go"])
    keeper = HistoryKeeper(tmp_path / "history", Settings(tmp_path / "settings.toml", takes=tmp_path))
    (left,) = Interview(setting(coach, tmp_path, live(), keeper=keeper), surface).run()
    (take,) = list_takes(tmp_path)
    assert (left.take_id, left.assessment) == (take.id, None)
    # the lines told meanwhile are gone with a full screen; this one is shown once it is closed
    assert "judge it later with: voice-coach reanalyze" in summary_lines((left,))[1]
    assert spoken_closing((left,)) == ""
    assert take.state == "finished"
    assert take.duration_s >= 2.0
    assert any(str(take.path) in line for line in surface.lines)


def test_a_follow_up_that_is_skipped_makes_room_for_the_next(coach: Coach, tmp_path: Path) -> None:
    surface = Script(after_s=1.0, answering=["skip"], choosing=["go"])
    surface.key = _only_in_a_follow_up(surface)  # type: ignore[method-assign]
    made = setting(coach, tmp_path, sources(SHORT, SHORT, SHORT), follow_ups=2, sources_end=True)
    answers = Interview(made, surface).run()
    assert len(set(surface.asked)) == len(surface.asked) == 3
    assert [one.assessment is None for one in answers] == [False, True, False]


def _only_in_a_follow_up(surface: Script) -> Callable[[float], Key | None]:
    """Keys for the second question's answer alone, once a second of it is there."""
    plain = surface.key
    return lambda timeout_s: plain(timeout_s) if len(surface.asked) == 2 else surface.rest(timeout_s)


def test_a_question_can_be_heard_again_while_it_is_answered(coach: Coach, tmp_path: Path) -> None:
    surface = Script(after_s=1.0, asking=["hush", "ask"], answering=["ask", "go"], choosing=["go"])
    short = replace(coach.main_question, target_min_s=0.4, target_max_s=0.8)
    made = setting(coach, tmp_path, live(), voice=Lasting(), questions=(short,))
    Interview(made, surface).run()
    assert surface.said.count(coach.main_question.text) == 3
    # the card stays up while the coach speaks
    assert surface.cards_spoken_to == ["red"]
    (take,) = list_takes(tmp_path)
    assert take.metadata is not None
    notes = [mark.note for mark in take.metadata.marks]
    assert [note for note in notes if not note.endswith("card")] == ["the coach spoke"]


def test_starting_over_keeps_both_tries(coach: Coach, tmp_path: Path) -> None:
    surface = Script(after_s=1.0, answering=["over", "go"], choosing=["go"])
    Interview(setting(coach, tmp_path, live()), surface).run()
    assert surface.gone == 2
    assert [take.state for take in list_takes(tmp_path)] == ["finished", "finished"]


def test_a_pause_is_not_kept_and_is_marked(coach: Coach, tmp_path: Path) -> None:
    surface = Script(after_s=1.0, answering=["pause", "pause", "go"], choosing=["go"])
    # while paused nothing is kept, so the second key may come at once
    surface.key = _always_after_pause(surface)  # type: ignore[method-assign]
    Interview(setting(coach, tmp_path, live()), surface).run()
    (take,) = list_takes(tmp_path)
    assert take.metadata is not None
    assert [mark.note for mark in take.metadata.marks] == ["paused by the speaker"]


def _always_after_pause(surface: Script) -> Callable[[float], Key | None]:
    plain, planned = surface.key, ["pause", "resume", "go"]
    since = [0.0]

    def key(timeout_s: float) -> Key | None:
        if surface.state != "answering":
            return plain(timeout_s)
        time.sleep(min(timeout_s, 0.05))
        now = time.monotonic()
        if planned == ["pause", "resume", "go"] and surface.answered_s >= 1.0:
            planned.pop(0)
            since[0] = now
            return "pause"
        if planned == ["resume", "go"] and now - since[0] >= 1.0:
            planned.pop(0)
            since[0] = now
            return "pause"
        if planned == ["go"] and now - since[0] >= 1.0:
            planned.pop(0)
            return "go"
        return None

    return key


@pytest.mark.parametrize("state", ["asking", "choosing"])
def test_quitting_elsewhere_ends_it(coach: Coach, tmp_path: Path, state: str) -> None:
    class Endless(MuteVoice):
        """Says its first line until it is stopped."""

        def say(self, text: str) -> Utterance:
            return Talking()

    class Talking:
        error = None
        stopped = False

        def wait(self, timeout_s: float | None = None) -> bool:
            time.sleep(timeout_s or 0.0)
            return self.stopped

        def stop(self) -> None:
            self.stopped = True

    if state == "asking":
        surface = Script(asking=["quit"])
        made = setting(coach, tmp_path, sources(SHORT, SHORT), voice=Endless())
    else:
        surface = Script(choosing=["quit"])
        made = setting(coach, tmp_path, sources(SHORT, SHORT))
    Interview(made, surface).run()
    assert surface.closed is not None
    assert len(surface.closed) == (0 if state == "asking" else 1)


def test_words_are_shown_where_they_can_not_be_said(coach: Coach, tmp_path: Path) -> None:
    surface = Script()
    Interview(setting(coach, tmp_path, sources(SHORT), voice=Failing(), sources_end=True), surface).run()
    assert any("no sound output" in line for line in surface.lines)
    assert any("37 seconds" in line for line in surface.said)


def test_silence_is_told_and_kept(coach: Coach, tmp_path: Path) -> None:
    surface = Script()
    Interview(setting(coach, tmp_path, sources(FIXTURES / "silence.flac"), sources_end=True), surface).run()
    assert any("No speech" in line for line in surface.lines)
    (take,) = list_takes(tmp_path)
    assert take.duration_s == pytest.approx(20.0, abs=0.1)


def test_a_keeper_that_fails_ends_nothing(coach: Coach, tmp_path: Path) -> None:
    class Broken:
        def keep(self, take: object, question: Question, assessment: Assessment | None) -> str | None:
            raise TakeError("the history can't be written; free some space")

    surface = Script()
    answers = Interview(setting(coach, tmp_path, sources(SHORT), sources_end=True, keeper=Broken()), surface).run()
    assert len(answers) == 1
    assert any("free some space" in line and str(tmp_path) in line for line in surface.lines)


def test_a_disk_that_goes_away_ends_nothing(coach: Coach, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a stick that is pulled out: neither the sound nor the end of the take can be written any more."""
    forced = itertools.count()

    def gone(descriptor: int) -> None:
        if next(forced) > 8:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(takes, "_sync", gone)
    surface = Script()
    (answer,) = Interview(setting(coach, tmp_path, sources(SHORT), sources_end=True), surface).run()
    assert answer.assessment is not None
    assert answer.assessment.transcript.text
    told = [line for line in surface.lines if "Input/output error" in line]
    assert "can't be written" in told[0]
    assert ": the first " in told[1]
    assert "voice-coach recover" in told[1]


def test_a_silence_that_was_paused_begins_anew(coach: Coach, tmp_path: Path) -> None:
    """Without that, whoever pauses in a long silence to think is cut off as soon as they go on."""
    whole, rate_hz = soundfile.read(SHORT, dtype="float32", always_2d=True)
    sentence = whole[round(28.9 * rate_hz) : round(31.0 * rate_hz), 0]
    quiet = np.random.default_rng(0).normal(0.0, 1e-4, 14 * rate_hz)
    soundfile.write(tmp_path / "answer.wav", np.concatenate([sentence, quiet]), rate_hz)
    surface = Script(after_s=4.5, answering=["pause", "pause"], choosing=["go"])
    question = replace(coach.main_question, target_min_s=1.0, target_max_s=60.0)
    source = sources(tmp_path / "answer.wav", tmp_path / "answer.wav", fast=False)
    made = setting(coach, tmp_path, source, questions=(question,), patient=True)
    Interview(made, surface).run()
    (take,) = list_takes(tmp_path)
    # paused for a moment after 4.5 s, of which 2.4 were silent
    assert take.duration_s >= 4.5 + EARLY_SILENCE_S - 0.1


def test_whoever_leaves_waits_for_answers_that_were_given_up(
    coach: Coach, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Hearing] = []

    def busy(hearing: Hearing, timeout_s: float) -> bool:
        asked.append(hearing)
        return False

    surface = Script(after_s=1.0, answering=["over", "go"], choosing=["go"])
    interview = Interview(setting(coach, tmp_path, live()), surface)
    monkeypatch.setattr(Hearing, "wait_until_idle", busy)
    interview.run()
    given_up = asked[0]
    asked.clear()
    assert not interview.wait_until_idle(0.1)
    assert asked[0] is given_up


class Gappy:
    """A microphone that was open for long before the answer went on, and then lost some sound."""

    name = "gappy"

    def __enter__(self) -> Gappy:
        return self

    def __exit__(self, *why: object) -> None:
        return None

    def __iter__(self) -> Iterator[Heard]:
        yield Block(80 * SAMPLE_RATE_HZ, np.zeros(SAMPLE_RATE_HZ, np.float32))
        yield CaptureEvent("behind", 81 * SAMPLE_RATE_HZ, 0.4)

    def stop(self) -> None:
        return None


def test_missing_sound_is_placed_in_the_answer(coach: Coach, tmp_path: Path) -> None:
    question = coach.main_question
    with TakeRecorder(tmp_path, question=question, level="mid", device=None) as recorder:
        hearing = Hearing(coach, question, path=recorder.path)
        listening = Listening(Gappy(), recorder, hearing)
        listening.start()
        listening.stop()
        hearing.abandon()
        take = recorder.finish()
    assert listening.lines() == ["0.4 s of sound is missing at 1.0 s"]
    assert take.metadata is not None
    assert [(mark.at, mark.note) for mark in take.metadata.marks] == [(16_000, "0.4 s of sound is missing at 1.0 s")]


def test_the_interviewer_cuts_in_once(coach: Coach, tmp_path: Path) -> None:
    surface = Script()
    answer = FIXTURES / "strong_answer.flac"
    made = setting(coach, tmp_path, sources(answer), interruption="What now?", sources_end=True)
    Interview(made, surface).run()
    assert surface.said.count("What now?") == 1
    assert any(line.startswith("After the interruption") for line in surface.lines)


# the program itself


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("practice", "--fast"), "--from"),
        (("practice", "--from", "nowhere.flac"), "no such file"),
        (("practice", "--question", "weather"), "there is no question"),
        (("practice", "--pack", "nowhere.toml"), "nowhere.toml"),
        (("drill",), "--stage"),
        (("drill", "--interrupt", "--stage", "severity"), "one thing"),
    ],
)
def test_what_can_not_be_rehearsed_is_one_line(
    program: Callable[..., Run], arguments: tuple[str, ...], told: str
) -> None:
    run = program(*arguments)
    assert run.code == 2
    assert len(run.error_lines) == 1
    assert told in run.err


def test_a_rehearsal_without_a_microphone(program: Callable[..., Run], tmp_path: Path) -> None:
    home = {"XDG_DATA_HOME": str(tmp_path)}
    run = program("practice", "--from", SHORT, "--fast", "--quiet", stdin="", env=home)
    assert run.code == 0
    assert run.err == ""
    for line in ("Question 1: How do you handle incident response?", "● Recording", "You spoke for 37 seconds"):
        assert line in run.out
    assert len(list_takes(tmp_path / "voice-coach" / "takes")) == 1


def test_where_no_microphone_can_be_opened_that_is_a_failure(program: Callable[..., Run], tmp_path: Path) -> None:
    home = {"XDG_DATA_HOME": str(tmp_path)}
    # nobody presses a key: what was piped in is over, and there is nothing to wait for
    run = program("practice", "--device", "gooseneck", "--quiet", stdin="", env=home, limit_s=60)
    assert run.code == 2
    assert len(run.error_lines) == 1
    assert run.err.startswith("voice-coach: no microphone")


def test_the_commands_name_alone_starts_a_rehearsal(program: Callable[..., Run], tmp_path: Path) -> None:
    broken = tmp_path / "asound.conf"
    broken.write_text("pcm.!default { type null }\n")
    run = program(stdin="q", env={"XDG_DATA_HOME": str(tmp_path), "ALSA_CONFIG_PATH": str(broken)})
    assert "A mock interview" in run.out
    assert run.code == 0


def test_takes_are_private(program: Callable[..., Run], tmp_path: Path) -> None:
    program("practice", "--from", SHORT, "--fast", "--quiet", stdin="", env={"XDG_DATA_HOME": str(tmp_path)})
    folder = tmp_path / "voice-coach" / "takes"
    assert sys.platform == "win32" or folder.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.iterdir())
    assert any(folder.iterdir())
