"""The full screen: while somebody answers only a timer, a level and a quiet line; afterwards everything.

Textual owns the main thread; the interview runs in a worker and hands each call over. Keys go the other
way through a queue.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Center, VerticalScroll
from textual.widgets import Digits, Footer, Static

from voice_coach.records import Assessment, Changes, Question
from voice_coach.rehearsal.closing import summary_lines
from voice_coach.rehearsal.surface import Answered, Key, Progress, Surface
from voice_coach.report.wording import clock
from voice_coach.screen.view import CARD_WORDS, assessment_text, meter

BETWEEN_CHOICES = " " * 4
"""How the interview parts what can be chosen."""


class RehearsalApp(App[None]):
    """Runs `interview` on itself; what it raised, if anything, is in `failure` afterwards."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "voice_coach"
    CSS = """
    #question { height: auto; padding: 0 1; text-style: bold; }
    #state { height: 1; padding: 0 1; }
    #clock { height: auto; margin-top: 4; }
    Digits { width: auto; text-style: bold; }
    #card, #level { height: 1; width: 100%; margin-top: 1; text-align: center; text-style: bold; }
    .green { color: $success; }
    .yellow { color: $warning; }
    .red, .overrun { color: $error; }
    #card.overrun { text-style: bold reverse; }
    #notice { height: auto; max-height: 4; padding: 0 1; color: $warning; }
    #told { height: 1fr; padding: 0 1; }
    #choice { height: auto; padding: 0 1; background: $boost; text-style: bold; }
    .answering #told, .answering #choice { display: none; }
    .waiting #clock, .waiting #card, .waiting #level { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,enter", "press('go')", "finish / go on", priority=True),
        Binding("r", "press('over')", "again", priority=True),
        Binding("p", "press('pause')", "pause", priority=True),
        Binding("s", "press('skip')", "skip", priority=True),
        Binding("a", "press('ask')", "ask again", priority=True),
        Binding("h,escape", "press('hush')", "hush", priority=True),
        Binding("q", "press('quit')", "quit", priority=True),
        Binding("ctrl+c,ctrl+q", "press('quit')", show=False, priority=True),
    ]

    def __init__(self, interview: Callable[[Surface], object]) -> None:
        super().__init__()
        self._interview = interview
        self.keys: SimpleQueue[Key] = SimpleQueue()
        self.failure: BaseException | None = None
        self._reading = False  # an assessment is on the screen: nothing scrolls it away
        self._noticed = False  # the notice on the screen is a progress', not a warning
        self.closing: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        yield Static("", id="question", markup=False)
        yield Static("", id="state", markup=False)
        with Center(id="clock"):
            yield Digits("0:00")
        yield Static("", id="card")
        yield Static("", id="level")
        yield Static("", id="notice", markup=False)
        yield VerticalScroll(id="told")
        yield Static("", id="choice", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        self.answering(False)
        self.query_one("#told").focus()
        self.run_worker(self._work, thread=True, exit_on_error=False)

    def _work(self) -> None:
        try:
            self._interview(FullSurface(self))
        except BaseException as exc:  # handed to whoever runs the app, once the terminal is as it was
            self.failure = exc
        self.call_from_thread(self.exit)

    def action_press(self, key: Key) -> None:
        """Hand a key to the interview."""
        self.keys.put(key)

    # what the interview asks for; in Textual's thread

    async def add(self, text: Text, *, to_read: bool = False) -> None:
        """Add lines to the scroll, and show them from their beginning; what is there to be read stays."""
        scroll = self.query_one("#told", VerticalScroll)
        lines = Static(text, classes="to_read" if to_read else "")
        await scroll.mount(lines)
        if to_read or not self._reading:
            # only the layout knows where they begin
            self.call_after_refresh(scroll.scroll_to_widget, lines, top=True, animate=False)
        self._reading = self._reading or to_read

    def put(self, name: str, text: str | Text) -> None:
        """Show a text in one of the fixed places."""
        self.query_one(f"#{name}", Static).update(text)

    def answering(self, yes: bool) -> None:
        """Show only the timer, or everything else."""
        self._reading = self._reading and not yes
        self.screen.set_class(yes, "answering")
        self.screen.set_class(not yes, "waiting")

    def show(self, progress: Progress) -> None:
        """The timer, its card and the level."""
        digits, card = self.query_one(Digits), self.query_one("#card", Static)
        digits.update(clock(progress.answered_s))
        card.update(CARD_WORDS[progress.card])
        digits.set_classes(progress.card)
        card.set_classes(progress.card)
        self.put("level", meter(progress.level_dbfs))
        if progress.spoken_to:
            state = "The interviewer speaks; nothing is recorded meanwhile."
        else:
            state = "Paused: p goes on" if progress.paused else "● Recording. Speak now."
        self.put("state", state)
        # a warning stays until something else is to be read in its place
        if progress.notice or self._noticed:
            self.put("notice", progress.notice)
        self._noticed = bool(progress.notice)


class FullSurface:
    """A rehearsal on a RehearsalApp, called from the interview's thread."""

    def __init__(self, app: RehearsalApp) -> None:
        self._app = app

    def tell(self, line: str) -> None:
        self._call(self._app.add, Text(line))

    def warn(self, line: str) -> None:
        # while somebody answers the scroll is hidden; afterwards the line is to be found there
        self._call(self._app.put, "notice", f"! {line}")
        self._call(self._app.add, Text(f"! {line}", style="yellow"))

    def ask(self, question: Question, number: int) -> None:
        target = f"({clock(question.target_min_s)} to {clock(question.target_max_s)})"
        self._call(self._app.put, "question", f"{number}. {question.text}  {target}")
        self._call(self._app.put, "state", "Listen to the question; space begins at once.")
        self._call(self._app.put, "choice", "")
        self._call(self._app.put, "notice", "")

    def go(self) -> None:
        self._call(self._app.show, Progress(0.0, "white", None))
        self._call(self._app.answering, True)

    def progress(self, progress: Progress) -> None:
        self._call(self._app.show, progress)

    def heard(self) -> None:
        self._call(self._app.put, "state", "■ Heard.")
        self._call(self._app.answering, False)

    def say(self, text: str) -> None:
        self._call(self._app.add, Text.assemble(("Coach: ", "bold"), text))

    def assessed(self, assessment: Assessment, changes: Changes | None) -> None:
        width = max(self._app.size.width - 4, 40)
        shown = Text.from_ansi(assessment_text(assessment, width, changes=changes))
        self._call(lambda: self._app.add(shown, to_read=True))

    def choose(self, line: str) -> None:
        first, between, others = line.partition(BETWEEN_CHOICES)
        # the first may hold a whole question; where not all fit on a line, no key is parted from what it does
        fits = len(line) <= self._app.size.width - 2
        self._call(self._app.put, "choice", line if fits or not between else f"{first}\n{others}")

    def close(self, answers: tuple[Answered, ...]) -> None:
        self._app.closing = summary_lines(answers)

    def key(self, timeout_s: float) -> Key | None:
        try:
            return self._app.keys.get(timeout=timeout_s) if timeout_s > 0 else self._app.keys.get_nowait()
        except Empty:
            return None

    def _call(self, call: Callable[..., object], *arguments: object) -> None:
        if self._app.is_running:
            self._app.call_from_thread(call, *arguments)


def run_full(interview: Callable[[Surface], object]) -> tuple[str, ...]:
    """Run an interview on the full screen; the closing summary, for when the screen is gone.

    Raises: whatever the interview raises.
    """
    app = RehearsalApp(interview)
    app.run()
    if app.failure is not None:
        raise app.failure
    return app.closing
