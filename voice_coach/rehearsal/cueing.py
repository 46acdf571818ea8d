"""Cues at the time cards while somebody answers: a tone or a word, each once, and a mark in the take."""

from __future__ import annotations

from collections.abc import Callable

from voice_coach.rehearsal.surface import CardColour
from voice_coach.voice.speaking import Utterance, Voice

CUED: tuple[CardColour, ...] = ("green", "yellow", "red")


class Cueing:
    """For one answer. A cue is played while listening goes on, so it should be heard in headphones only.

    voice: says the card's name, or plays its tone. mark: told of each cue as it begins.
    """

    def __init__(self, voice: Voice, mark: Callable[[CardColour], None]) -> None:
        self._voice, self._mark = voice, mark
        self._card: CardColour = "white"
        self._cue: Utterance | None = None
        self._failed = False

    def at(self, card: CardColour) -> str | None:
        """Give the cue of a card that has just come up; the reason if it can't be heard, and from then on none."""
        if self._cue is not None and self._cue.error is not None:
            reason, self._cue, self._failed = f"{self._cue.error}", None, True
            return reason
        if card != self._card and card in CUED and not self._failed:
            self.stop()
            self._mark(card)
            self._cue = self._voice.say(card)
        self._card = card
        return None

    def stop(self) -> None:
        """Fall silent: the answer has ended."""
        if self._cue is not None:
            self._cue.stop()
            self._cue = None
