"""The interview itself: a greeting, questions, answers, feedback, a summary.

    greet ─ ask ─ listen ─ judge ─ say and show ─ choose ─┬─ the next question, or this one again
              └────────────────────────────────────────────┘
                                                           └─ close

Everything that is heard is on disk before anything else is done with it. Whoever quits, in whatever
state, keeps what was said.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from voice_coach.audio.capture import AudioSource, describe, level_line, listen
from voice_coach.audio.takes import Take, TakeRecorder
from voice_coach.delivery.timing import cards_for
from voice_coach.errors import AudioError, TakeError, VoiceCoachError
from voice_coach.hearing import Hearing
from voice_coach.interviewer.follow_up import next_question, recovery_after
from voice_coach.records import Assessment, Cards, Question
from voice_coach.rehearsal.closing import spoken_closing
from voice_coach.rehearsal.cueing import Cueing
from voice_coach.rehearsal.interruption import TOLD_S, recovery_line, time_to_cut_in
from voice_coach.rehearsal.listening import Listening
from voice_coach.rehearsal.patience import CUE_S, silence_that_ends_s
from voice_coach.rehearsal.setting import Setting
from voice_coach.rehearsal.surface import Answered, Key, Progress, Surface, card_at
from voice_coach.report.compare import compare
from voice_coach.voice.speaking import Utterance

CHECK_S = 0.6
"""Long enough to see a level, and to tell exact zeros from a quiet room."""

TICK_S = 0.1
"""How often the screen is told how the answer goes, and keys are looked at."""

SPEECH_TICK_S = 0.03
"""While the coach speaks a key must silence it within a tenth of a second."""

OPENING_LIMIT_S = 1.0
"""So long the verdict on time may take; it is known from the voice alone as soon as the answer ends."""

Step = Literal["next", "again", "stop"]


class Quit(Exception):
    """The person asked to end; whatever was said is kept already."""


@dataclass
class _Heard:
    """What came of listening: the take, the ears that go on with it, and the key or the cause that ended it.

    interrupted_s: where the interviewer cut in, on the take's clock; its own words are not on it.
    """

    take: Take
    hearing: Hearing
    ended: Key | Literal["silence", "source", "gone", "failed"]
    interrupted_s: float | None = None


class Interview:
    """Run one rehearsal on a surface; for one use.

    deaf: why no microphone could ever be opened; None where one was, or none was tried.
    """

    def __init__(self, setting: Setting, surface: Surface) -> None:
        self._setting, self._surface = setting, surface
        self._answers: list[Answered] = []
        self._asked = set(setting.asked)
        self._follow_ups = 0
        self._interrupted_s: float | None = None
        self._loading = threading.Thread(target=self._load, daemon=True, name="loading")
        self._hearings: list[Hearing] = []
        self._speech: _Speech | None = None
        self._mute: str | None = None
        self._opened = False
        self.deaf: AudioError | None = None

    def run(self) -> tuple[Answered, ...]:
        """The answers that were given, in order.

        Raises: ModelError before anything is asked; everything later is told on the surface.
        """
        self._setting.coach.check_models()
        try:
            self._greet()
            pending = list(self._setting.questions)
            number = 0
            while pending:
                question = pending.pop(0)
                number += 1
                following = self._round(question, number)
                if following is not None:
                    pending.insert(0, following)
            self._farewell()
        except Quit:
            pass
        self._surface.close(tuple(self._answers))
        return tuple(self._answers)

    def wait_until_idle(self, timeout_s: float) -> bool:
        """After `run`: wait until no thread of it is at work any more; False if one still is by then.

        A model that is loading or reading can't be interrupted, and a process that ends meanwhile in the ordinary
        way may crash.
        """
        until_s = time.monotonic() + timeout_s

        def left_s() -> float:
            return max(until_s - time.monotonic(), 0.0)

        if self._speech is not None:
            self._speech.utterance.wait(left_s())
        if self._loading.ident is not None:
            self._loading.join(left_s())
        # one that was given up may still be inside the model
        return not self._loading.is_alive() and all(one.wait_until_idle(left_s()) for one in self._hearings)

    # -- before the first question

    def _load(self) -> None:
        # whoever needs the model next is told the same, and says it
        with suppress(VoiceCoachError):
            self._setting.coach.warm()

    def _greet(self) -> None:
        setting, surface = self._setting, self._surface
        hello = f"Hello{f', {setting.name}' if setting.name else ''}."
        surface.tell(f"{hello} A mock interview for a {setting.level} level candidate; nothing leaves this machine.")
        if setting.hint is not None:
            surface.tell(setting.hint)
        if not setting.sources_end:
            self._check_microphone()
        # it goes on while the question is asked and the answer begins; sooner it would hold up the go sign
        self._loading.start()
        voice = setting.voice.say(f"{hello} Let us begin.")
        while not voice.wait(SPEECH_TICK_S):
            key = surface.key(0)
            if key == "quit":
                voice.stop()
                raise Quit
            if key is not None:
                voice.stop()
        self._tell_if_mute(voice)

    def _check_microphone(self) -> None:
        """Level within a second; what is wrong is named, and the person decides."""
        while True:
            try:
                source = self._setting.source()
                if source is None:
                    return
                reading = listen(source, CHECK_S)
            except AudioError as exc:
                self._surface.warn(f"{exc}")
                self.deaf = exc
            else:
                self._is_open()
                # nobody was asked to speak yet, so near silence is as it should be; a microphone with a noise
                # gate gives exact zeros then, so they are named and do not end it
                for fault in reading.faults:
                    if fault.kind != "quiet":
                        self._surface.warn(describe(fault))
                self._surface.tell(f"Microphone: {source.name}, {level_line(reading)}")
                return
            self._choose("try the microphone again", allowed=("go", "quit"))

    # -- one question

    def _round(self, question: Question, number: int) -> Question | None:
        """Put a question until it is answered or left; what is to be asked next, None for whatever is planned."""
        self._surface.ask(question, number)
        if not self._say_question(question):
            return self._instead()
        while True:
            heard = self._listen(question)
            if heard is None:
                return None
            if heard.ended == "skip":
                return self._instead()
            if heard.ended == "over":
                self._surface.tell("Once more, from the start. The first try is kept.")
                continue
            assessment = self._judge(heard, question)
            step, following = self._after(question, assessment, more=heard.ended != "failed")
            if step == "again":
                self._surface.ask(question, number)
                continue
            return following

    def _say_question(self, question: Question) -> bool:
        """Ask it aloud; any key cuts it short. False where it is skipped."""
        while (key := self._say(question.text)) == "ask":
            pass
        return key != "skip"

    def _instead(self) -> Question | None:
        """What is asked in place of a question that was skipped; None where only what is planned is left."""
        told = [one.assessment.coverage for one in self._answers if one.assessment and one.assessment.coverage]
        if not told or not self._room:
            return None
        following = next_question(self._setting.coach.pack, told[0], self._setting.level, self._asked)
        return None if following is None else self._put(following)

    @property
    def _room(self) -> bool:
        """Whether another follow-up may be put."""
        return self._follow_ups < self._setting.follow_ups and len(self._setting.questions) == 1

    def _put(self, follow_up: Question) -> Question:
        """Count it as put, so that it is not put again."""
        self._follow_ups += 1
        self._asked.add(follow_up.id)
        return follow_up

    def _listen(self, question: Question) -> _Heard | None:
        """One answer onto the disk and into the ears; None where nothing could be opened any more."""
        setting, surface = self._setting, self._surface
        while True:
            try:
                source = setting.source()
                if source is None:
                    return None
                with source, self._recorder(question, source) as recorder:
                    self._is_open()
                    hearing = Hearing(setting.coach, question, path=recorder.path, asked=frozenset(self._asked))
                    self._hearings = [one for one in self._hearings if not one.wait_until_idle(0.0)] + [hearing]
                    try:
                        return self._capture(question, source, recorder, hearing)
                    except BaseException:
                        hearing.abandon()
                        raise
            except AudioError as exc:
                surface.warn(f"{exc}")
                self.deaf = None if self._opened else exc
            self._choose("try again", allowed=("go", "quit"))

    def _is_open(self) -> None:
        self._opened, self.deaf = True, None

    def _recorder(self, question: Question, source: AudioSource) -> TakeRecorder:
        setting = self._setting
        return TakeRecorder(setting.takes, question=question, level=setting.level, device=source.name)

    def _capture(self, question: Question, source: AudioSource, recorder: TakeRecorder, hearing: Hearing) -> _Heard:
        listening = Listening(source, recorder, hearing)
        cueing = Cueing(self._setting.cues, lambda card: listening.mark_cue(f"{card} card"))
        listening.start()
        try:
            ended = self._watch(question, listening, hearing, cueing)
        except Quit:
            listening.stop()
            take = self._ended(recorder)
            hearing.abandon()
            self._leave(take, question)
            raise
        finally:
            cueing.stop()
        listening.stop()
        for line in listening.lines():
            self._surface.warn(line)
        self._surface.heard()
        hearing.finish()
        take = self._ended(recorder)
        if ended in ("over", "skip"):
            hearing.abandon()
        if ended == "over":
            self._keep(take, question, None)
        elif ended == "skip":
            self._leave(take, question)
        return _Heard(take, hearing, ended, self._interrupted_s)

    def _ended(self, recorder: TakeRecorder) -> Take:
        """The take made whole, or as far as the disk has it: what was heard is judged all the same."""
        try:
            return recorder.finish()
        except TakeError as exc:
            self._surface.warn(f"{exc}")
            return recorder.unfinished()

    def _watch(
        self, question: Question, listening: Listening, hearing: Hearing, cueing: Cueing
    ) -> Key | Literal["silence", "source", "gone", "failed"]:
        """Show how the answer goes until a key, a patient silence or the source ends it."""
        surface, setting = self._surface, self._setting
        cards = cards_for(question.target_min_s, question.target_max_s)
        going, self._interrupted_s, told_until_s = False, None, 0.0
        while True:
            if listening.started.is_set() and not going:
                going = True
                surface.go()
            key = surface.key(TICK_S)
            if key == "quit":
                raise Quit
            if key == "pause":
                listening.pause()
            elif key == "ask" and going:
                self._say_between(question.text, listening, cards)
                continue
            elif key == "skip" or (going and key in ("go", "over")):
                # before the first sample there is nothing to end but the waiting
                return key
            for line in listening.lines():
                surface.warn(line)
            if listening.ended is not None:
                return listening.ended
            state, answered_s, notice = hearing.state, listening.answered_s, ""
            if setting.interruption is not None and self._interrupted_s is None and time_to_cut_in(state):
                self._interrupted_s = answered_s
                self._say_between(setting.interruption, listening, cards)
                told_until_s = time.monotonic() + TOLD_S
                continue
            if setting.patient and not listening.paused:
                patience_s = silence_that_ends_s(
                    spoken_s=state.spoken_s,
                    answered_s=answered_s,
                    target_min_s=question.target_min_s,
                    last_words=state.last_words if state.all_read else None,
                )
                # whoever paused in a silence is given all of it anew
                silent_s = min(state.silent_s, answered_s - listening.resumed_s)
                if patience_s is not None and silent_s >= patience_s:
                    return "silence"
                if patience_s is not None and silent_s >= patience_s - CUE_S:
                    notice = "Done? Go on speaking if not."
            if setting.interruption is not None and time.monotonic() < told_until_s:
                # whoever could not hear it, or not take it in, reads it
                notice = setting.interruption
            card = card_at(answered_s, cards)
            if (silent := cueing.at(card)) is not None:
                surface.warn(silent)
            surface.progress(Progress(answered_s, card, listening.level_dbfs, paused=listening.paused, notice=notice))

    def _say_between(self, line: str, listening: Listening, cards: Cards) -> None:
        """Say it while nothing is kept, then listen on: the coach is never heard in the take."""
        was_paused = listening.paused
        if not was_paused:
            listening.pause(note="the coach spoke")
        answered_s = listening.answered_s
        self._surface.progress(
            Progress(answered_s, card_at(answered_s, cards), None, paused=was_paused, notice=line, spoken_to=True)
        )
        try:
            self._say(line)
        finally:
            if not was_paused:
                listening.pause()

    # -- after the answer

    def _judge(self, heard: _Heard, question: Question) -> Assessment | None:
        """Say the verdict at once and the rest as soon as it is there; show and keep everything."""
        opening = heard.hearing.opening(OPENING_LIMIT_S)
        first = self._begin_to_say(opening) if opening else None
        try:
            assessment = self._result(heard.hearing, first)
        except VoiceCoachError as exc:
            self._surface.warn(f"{exc}")
            self._leave(heard.take, question)
            return None
        except Quit:
            heard.hearing.abandon()
            self._leave(heard.take, question)
            raise
        tries = [one.assessment for one in self._answers if one.question.id == question.id and one.assessment]
        changes = compare(tries[-1], assessment) if tries else None
        self._answers.append(Answered(question, heard.take.id, assessment))
        self._surface.assessed(self._as_asked(assessment), changes)
        if heard.interrupted_s is not None and assessment.coverage is not None:
            words = assessment.transcript.words
            self._surface.tell(recovery_line(recovery_after(assessment.coverage, words, heard.interrupted_s)))
        self._keep(heard.take, question, assessment)
        feedback = assessment.feedback
        if feedback is None:
            self._surface.warn("No speech was heard in this take; it is kept.")
        elif first is None or not first.cut_short:
            # a verdict that was said is not said twice, even where a word more or less makes it another second
            rest = feedback.spoken.removeprefix(feedback.verdict if opening else "")
            if feedback.follow_up is not None and self._following(assessment) is None:
                # what will not be asked is not announced
                rest = rest.removesuffix(f"Next question. {feedback.follow_up.text}")
            if first is None or self._finish_saying(first) is None:
                self._say(rest.strip())
        return assessment

    def _result(self, hearing: Hearing, speech: _Speech | None) -> Assessment:
        """Wait for it; meanwhile a key silences what is being said. Raises: Quit; VoiceCoachError."""
        while True:
            try:
                return hearing.result(SPEECH_TICK_S)
            except TimeoutError:
                key = self._surface.key(0.0)
            if key is not None and key != "pause" and speech is not None:
                speech.cut()
            if key == "quit":
                raise Quit

    def _as_asked(self, assessment: Assessment) -> Assessment:
        """With no next question but one that will be asked."""
        if assessment.feedback is None or self._following(assessment) is not None:
            return assessment
        return replace(assessment, feedback=replace(assessment.feedback, follow_up=None))

    def _leave(self, take: Take, question: Question) -> None:
        """Keep an answer that is not judged, and name it at the end: what is told of it now may scroll away."""
        kept = self._keep(take, question, None)
        if take.samples:
            self._answers.append(Answered(question, take.id, None, kept))

    def _keep(self, take: Take, question: Question, assessment: Assessment | None) -> str | None:
        """Keep it, and tell how to come back to it; the same in a line, None where there is nothing to tell."""
        if assessment is None:
            self._surface.tell(f"Kept, {take.duration_s:.0f} s: {take.path}")
        try:
            line = self._setting.keeper.keep(take, question, assessment)
        except VoiceCoachError as exc:
            line = f"{exc}; the take itself is kept; once that is mended: voice-coach import {take.path}"
            self._surface.warn(line)
            return line
        if line:
            self._surface.tell(line)
        return line

    def _after(self, question: Question, assessment: Assessment | None, *, more: bool) -> tuple[Step, Question | None]:
        """What the person wants now."""
        setting = self._setting
        following = self._following(assessment)
        if setting.sources_end:
            key: Key = "go"
        elif following is not None:
            key = self._choose(f"answer: {following.text}", allowed=("go", "over", "skip", "quit"))
        elif more and len(setting.questions) > 1:
            key = self._choose("go on", allowed=("go", "over", "quit"))
        else:
            key = self._choose("finish", allowed=("go", "over", "quit"))
        if key == "over":
            return "again", None
        if key == "skip" or following is None:
            return "next", None
        return "next", self._put(following)

    def _following(self, assessment: Assessment | None) -> Question | None:
        """The follow-up to be asked next; None where none is wanted any more."""
        follow_up = assessment.feedback.follow_up if assessment is not None and assessment.feedback else None
        if follow_up is None or not self._room:
            return None
        return self._setting.coach.question(follow_up.id)

    def _choose(self, purpose: str, *, allowed: tuple[Key, ...]) -> Key:
        """Wait for one of these keys. Raises: Quit."""
        words = {"go": f"Enter  {purpose}", "over": "r  this question again", "skip": "s  stop here", "quit": "q  quit"}
        self._surface.choose("    ".join(words[key] for key in allowed))
        while True:
            key = self._surface.key(60.0)
            if key == "quit":
                raise Quit
            if key in allowed and key is not None:
                return key

    def _farewell(self) -> None:
        self._say(spoken_closing(tuple(self._answers)))

    # -- the voice, which is never heard in a take

    def _say(self, text: str) -> Key | None:
        """Say it to its end; the key that cut it short. Raises: Quit."""
        return self._finish_saying(self._begin_to_say(text)) if text else None

    def _begin_to_say(self, text: str) -> _Speech:
        self._surface.say(text)
        self._speech = _Speech(self._setting, text)
        return self._speech

    def _finish_saying(self, speech: _Speech) -> Key | None:
        while not speech.utterance.wait(0.0):
            key = self._surface.key(SPEECH_TICK_S)
            if key is None or key == "pause":
                continue
            speech.cut()
            if key == "quit":
                raise Quit
            return key
        self._tell_if_mute(speech.utterance)
        return None

    def _tell_if_mute(self, said: Utterance) -> None:
        """Why nothing was heard, once for each reason: the words are shown anyway."""
        reason = None if said.error is None else f"{said.error}"
        if reason is not None and reason != self._mute:
            self._surface.warn(reason)
        self._mute = reason


class _Speech:
    """A line on its way."""

    def __init__(self, setting: Setting, text: str) -> None:
        self.began_s = time.perf_counter()
        self.utterance = setting.voice.say(text)
        self.cut_short = False

    def cut(self) -> None:
        """Silence it."""
        self.cut_short = True
        self.utterance.stop()
