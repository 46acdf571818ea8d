"""The user's settings: one TOML file, every key optional.

    name = "Ada"                # what the coach calls you
    level = "senior"            # early, mid or senior
    target_min_s = 60           # how long an answer should take; both or neither
    target_max_s = 120
    device = "USB headset"      # the microphone, by name
    voice = "en-us"             # the coach's voice: voice-coach voices lists them
    rate_wpm = 140              # how fast it reads
    cues = "spoken"             # at the time cards of a drill: tone, spoken or off
    takes = "~/rehearsals"      # where recordings are kept
    keep_audio_days = 30        # how long they are kept
    terms = ["Zookeeperly"]     # product names of your own, to be written right

The file is `settings.toml` in the user's configuration folder: ~/.config/voice-coach on Linux
(XDG_CONFIG_HOME is heeded), ~/Library/Application Support/voice-coach on macOS.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from voice_coach.errors import SettingsError
from voice_coach.records import CandidateLevel

if sys.version_info >= (3, 11):
    import tomllib
else:  # the same parser, from before it entered the standard library
    import tomli as tomllib

Origin = Literal["default", "file"]
Cues = Literal["tone", "spoken", "off"]

LONGEST_TARGET_S = 3600.0
"""An answer of an hour is a mistyped number."""

RATE_RANGE_WPM = (80, 450)
"""What espeak, the default engine on Linux, accepts."""

LONGEST_KEEP_DAYS = 36_500
"""A century; longer is a mistyped number."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user chose; None leaves the choice to the question, the engine or the system.

    target_min_s, target_max_s: both given or both None, then the question says. device: None is
    the system's default microphone. voice: None is the natural one where it is installed, else the
    engine's own. rate_wpm: None is the coach's own. cues: given in drills, and wherever --cues asks for them.
    keep_audio_days: None keeps recordings for good. path: the file, whether or not it is there. from_file:
    the keys that it sets.
    """

    path: Path
    takes: Path
    name: str | None = None
    level: CandidateLevel = "mid"
    target_min_s: float | None = None
    target_max_s: float | None = None
    device: str | None = None
    voice: str | None = None
    rate_wpm: int | None = None
    cues: Cues = "tone"
    keep_audio_days: int | None = None
    terms: tuple[str, ...] = ()
    from_file: frozenset[str] = frozenset()

    def origin(self, key: str) -> Origin:
        """Where the value of a key comes from."""
        return "file" if key in self.from_file else "default"


def settings_path() -> Path:
    """Where the settings file is, or would be."""
    import platformdirs

    return Path(platformdirs.user_config_dir("voice-coach")) / "settings.toml"


def read_settings(path: Path | None = None) -> Settings:
    """The settings in the file at `path`, or in the user's own; the defaults where there is none.

    Raises: SettingsError naming the key and the line that is wrong.
    """
    import platformdirs

    path = path or settings_path()
    text = _text_of(path)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise SettingsError(f"{path}: is not valid TOML: {exc}; mend that place") from exc
    values: dict[str, Any] = {}
    for key, value in raw.items():
        try:
            values[key] = _checked(key, value)
        except ValueError as exc:
            raise SettingsError(f"{path}, line {_line_of(key, text)}: {exc}") from exc
    _check_target(values, path, text)
    defaults = {"takes": Path(platformdirs.user_data_dir("voice-coach")) / "takes"}
    return Settings(path=path, from_file=frozenset(raw), **{**defaults, **values})


def _text_of(path: Path) -> str:
    try:
        # editors on Windows put a mark at the start that TOML does not allow
        return path.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as exc:
        raise SettingsError(f"{path}: is not text in UTF-8; save it as UTF-8") from exc
    except OSError as exc:
        raise SettingsError(f"{path}: can't be read ({exc.strerror}); check that it is a file of yours") from exc


def _checked(key: str, value: object) -> object:
    """The value as the program holds it.

    Raises: ValueError saying what the key must be.
    """
    if key not in _CHECKS:
        near = difflib.get_close_matches(key, _CHECKS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(_CHECKS)}"
        raise ValueError(f"unknown key {key!r}; {hint}")
    try:
        return _CHECKS[key](value)
    except ValueError as exc:
        raise ValueError(f"{key} must be {exc}, not {_shown(value)}") from exc


def _check_target(values: dict[str, Any], path: Path, text: str) -> None:
    minimum, maximum = values.get("target_min_s"), values.get("target_max_s")
    if minimum is not None and maximum is not None:
        if minimum >= maximum:
            where = f"{path}, line {_line_of('target_min_s', text)}"
            raise SettingsError(f"{where}: target_min_s must be below target_max_s ({maximum:g}), not {minimum:g}")
    elif minimum is not None or maximum is not None:
        given, missing = "target_min_s", "target_max_s"
        if minimum is None:
            given, missing = missing, given
        raise SettingsError(f"{path}, line {_line_of(given, text)}: {given} stands alone; set {missing}, too")


def _line_of(key: str, text: str) -> int:
    """The line on which a top-level key is set: the parser does not say, but tells where a prefix makes sense."""
    lines = text.split("\n")
    start = 1
    for count in range(1, len(lines) + 1):
        try:
            known = tomllib.loads("\n".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            # inside a value that spans lines
            continue
        if key in known:
            break
        start = count + 1
    return start


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError("a text on one line")
    return value.strip()


def _one_of(choices: tuple[str, ...]) -> Callable[[object], str]:
    def check(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"{', '.join(choices[:-1])} or {choices[-1]}")
        return value

    return check


def _seconds(value: object) -> float:
    # written so that nan fails it
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST_TARGET_S:
        raise ValueError(f"a number of seconds above 0, at most {LONGEST_TARGET_S:g}")
    return float(value)


def _whole(lowest: int, highest: int, what: str) -> Callable[[object], int]:
    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise ValueError(f"a whole number of {what} from {lowest} to {highest}")
        return value

    return check


def _folder(value: object) -> Path:
    what = "a folder's full path, or one that starts with ~/"
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(what)
    try:
        folder = Path(value).expanduser()
    except RuntimeError as exc:
        raise ValueError(what) from exc
    if not folder.is_absolute():
        raise ValueError(what)
    return folder


def _texts(value: object) -> tuple[str, ...]:
    what = "a list of names with letters in them"
    if not isinstance(value, list):
        raise ValueError(what)
    for one in value:
        if not isinstance(one, str) or not one.isprintable() or not any(c.isalnum() for c in one):
            raise ValueError(what)
    return tuple(one.strip() for one in value)


def _shown(value: object) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:59]}…"


_CHECKS: dict[str, Callable[[object], object]] = {
    "name": _text,
    "level": _one_of(get_args(CandidateLevel)),
    "target_min_s": _seconds,
    "target_max_s": _seconds,
    "device": _text,
    "voice": _text,
    "rate_wpm": _whole(*RATE_RANGE_WPM, "words a minute"),
    "cues": _one_of(get_args(Cues)),
    "takes": _folder,
    "keep_audio_days": _whole(1, LONGEST_KEEP_DAYS, "days"),
    "terms": _texts,
}

KEYS: tuple[str, ...] = tuple(_CHECKS)
"""Every key of the file, in the order in which they are shown."""
