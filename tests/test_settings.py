"""The settings file: what it sets, what it leaves alone, and the line that is wrong."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from tests.conftest import Run
from voice_coach import settings as settings_module
from voice_coach.cli.common import coach_for, speak_feedback
from voice_coach.errors import SettingsError
from voice_coach.settings import KEYS, Settings, read_settings, settings_path


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "settings.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_every_setting_can_be_shown_and_set() -> None:
    assert set(KEYS) == {field.name for field in dataclasses.fields(Settings)} - {"path", "from_file"}


def test_without_a_file_everything_is_a_default(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    found = read_settings(path)
    takes = Path(os.environ["XDG_DATA_HOME"]) / "voice-coach" / "takes"
    assert found == Settings(path=path, takes=takes)
    assert (found.level, found.cues, found.target_min_s) == ("mid", "tone", None)
    assert {found.origin(key) for key in KEYS} == {"default"}


def test_the_documented_file_is_read_as_it_says(tmp_path: Path) -> None:
    documented = (settings_module.__doc__ or "").split("\n\n")[1]
    path = written(tmp_path, "\n".join(line.removeprefix("    ") for line in documented.splitlines()))
    assert read_settings(path) == Settings(
        path=path,
        takes=Path.home() / "rehearsals",
        name="Ada",
        level="senior",
        target_min_s=60.0,
        target_max_s=120.0,
        device="USB headset",
        voice="en-us",
        rate_wpm=140,
        cues="spoken",
        keep_audio_days=30,
        terms=("Zookeeperly",),
        from_file=frozenset(KEYS),
    )


def test_a_value_knows_where_it_comes_from(tmp_path: Path) -> None:
    # the same value as the default, and yet the user's own choice
    found = read_settings(written(tmp_path, 'level = "mid"\n'))
    assert (found.origin("level"), found.origin("cues")) == ("file", "default")


def test_windows_line_ends_and_a_mark_at_the_start(tmp_path: Path) -> None:
    assert read_settings(written(tmp_path, b'\xef\xbb\xbflevel = "early"\r\nrate_wpm = 99\r\n')).rate_wpm == 99
    with pytest.raises(SettingsError, match=r"settings\.toml, line 2: rate_wpm"):
        read_settings(written(tmp_path, b'level = "early"\r\nrate_wpm = 9\r\n'))


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("# mine\n\nlevle = 'mid'", 3, "unknown key 'levle'; did you mean 'level'?"),
        ("colour = 1", 1, "unknown key 'colour'; known: name, level"),
        ("level = 'mid'\n[takes]\nfolder = 1", 2, "takes must be a folder's full path"),
        ("level = 'junior'", 1, 'level must be early, mid or senior, not "junior"'),
        ("level = ['mid']", 1, "level must be early, mid or senior, not ['mid']"),
        ("name = ''", 1, 'name must be a text on one line, not ""'),
        ("name = '''\nA\nda'''\nlevel = 3", 1, 'name must be a text on one line, not "A da"'),
        ('voice = """\nlevel = 1\n"""\n', 1, "voice must be a text on one line"),
        ("level = 'mid'\n\n# how long\ntarget_min_s = '90'", 4, "target_min_s must be a number of seconds above 0"),
        ("target_min_s = true\ntarget_max_s = 9", 1, "target_min_s must be a number of seconds"),
        ("target_min_s = nan\ntarget_max_s = 9", 1, "target_min_s must be a number of seconds"),
        ("target_min_s = 60\ntarget_max_s = inf", 2, "target_max_s must be a number of seconds"),
        ("target_min_s = 0\ntarget_max_s = 9", 1, "target_min_s must be a number of seconds above 0"),
        ("name = 'A'\ntarget_min_s = 90\ntarget_max_s = 60", 2, "target_min_s must be below target_max_s (60), not 90"),
        ("name = 'A'\ntarget_max_s = 60", 2, "target_max_s stands alone; set target_min_s, too"),
        ("target_min_s = 60", 1, "target_min_s stands alone; set target_max_s, too"),
        ("rate_wpm = 150.5", 1, "rate_wpm must be a whole number of words a minute from 80 to 450, not 150.5"),
        ("rate_wpm = 451", 1, "from 80 to 450, not 451"),
        ("cues = false", 1, "cues must be tone, spoken or off, not false"),
        ("takes = 'rehearsals'", 1, "takes must be a folder's full path, or one that starts with ~/"),
        ("takes = '~nobody_of_that_name/x'", 1, "takes must be a folder's full path"),
        ("keep_audio_days = 0", 1, "keep_audio_days must be a whole number of days from 1 to 36500, not 0"),
        ("device = 3", 1, "device must be a text on one line, not 3"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        read_settings(path)
    assert str(caught.value).startswith(f"{path}, line {line}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"level = \n", "is not valid TOML: Invalid value (at line 1, column 9)"),
        (b"level = 'mid'\nlevel = 'mid'\n", "line 2"),
        (b"name = 'J\xfcrgen'\n", "is not text in UTF-8"),
    ],
)
def test_a_file_that_is_no_toml(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(written(tmp_path, content))
    assert said in str(caught.value)


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can't be read"):
        read_settings(tmp_path)


def test_the_target_replaces_the_questions_own(tmp_path: Path) -> None:
    own = coach_for(read_settings(tmp_path / "absent.toml"), None).pack
    path = written(tmp_path, "target_min_s = 60\ntarget_max_s = 120\n")
    set_here = coach_for(read_settings(path), None).pack
    assert set_here == dataclasses.replace(own, target_min_s=60.0, target_max_s=120.0)
    assert set_here != own


def test_the_rate_is_the_one_it_reads_at(tmp_path: Path) -> None:
    lengths = []
    for rate_wpm in (100, 300):
        wav = tmp_path / f"{rate_wpm}.wav"
        settings = read_settings(written(tmp_path, f"rate_wpm = {rate_wpm}\n"))
        line = "Name the channel or bridge, who got updates, and how often."
        assert speak_feedback(line, settings, aloud=False, to=wav)
        lengths.append(soundfile.info(wav).duration)
    assert lengths[0] > 2 * lengths[1]


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert settings_path() == tmp_path / "voice-coach" / "settings.toml"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """A home whose settings file sets a level, a target and a voice."""
    (tmp_path / "voice-coach").mkdir()
    written(tmp_path / "voice-coach", "level = 'senior'\ntarget_min_s = 1\ntarget_max_s = 2.5\nvoice = 'nobody'\n")
    return {"XDG_CONFIG_HOME": str(tmp_path)}


def test_the_command_shows_path_values_and_origins(program: Callable[..., Run], home: dict[str, str]) -> None:
    run = program("settings", env=home)
    assert (run.code, run.err) == (0, "")
    first, *lines = run.out.splitlines()
    assert first == str(Path(home["XDG_CONFIG_HOME"]) / "voice-coach" / "settings.toml")
    shown = {key: (origin, value) for key, origin, value in (line.split(maxsplit=2) for line in lines)}
    assert tuple(shown) == KEYS
    assert shown["level"] == ("file", "senior")
    assert shown["target_max_s"] == ("file", "2.5")
    assert shown["cues"] == ("default", "tone")
    assert shown["keep_audio_days"] == ("default", "for good")


def test_the_command_without_a_file(program: Callable[..., Run], tmp_path: Path) -> None:
    run = program("settings", env={"XDG_CONFIG_HOME": str(tmp_path)})
    assert run.code == 0
    first, *lines = run.out.splitlines()
    assert first.endswith("settings.toml  (not there: every value is a default)")
    assert [line.split()[1] for line in lines] == ["default"] * len(KEYS)


@pytest.mark.parametrize("arguments", [("settings",), ("recover",), ("coverage", "-"), ("analyze", "answer.wav")])
def test_a_wrong_file_ends_every_command_in_one_line(
    program: Callable[..., Run], home: dict[str, str], arguments: tuple[str, ...]
) -> None:
    written(Path(home["XDG_CONFIG_HOME"]) / "voice-coach", "\nlevel = 'boss'\n")
    run = program(*arguments, stdin="We rolled it back.", env=home)
    assert (run.code, run.out) == (2, "")
    assert len(run.error_lines) == 1
    assert 'settings.toml, line 2: level must be early, mid or senior, not "boss"' in run.err


@pytest.mark.parametrize(("flag", "said"), [((), "bridge and roles"), (("--level", "early"), "with what context")])
def test_the_flag_beats_the_file_beats_the_default(
    program: Callable[..., Run], home: dict[str, str], flag: tuple[str, ...], said: str
) -> None:
    run = program("coverage", *flag, "--json", "-", stdin="Orders failed, so I rolled the deploy back.", env=home)
    assert run.code == 0
    assert said in " ".join(json.loads(run.out)["feedback"]["fixes"])


def test_own_terms(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('terms = ["Zookeeperly", " Acme DB "]\n', encoding="utf-8")
    assert read_settings(path).terms == ("Zookeeperly", "Acme DB")


@pytest.mark.parametrize("value", ['"Zookeeperly"', '["--"]', "[1]", '[""]'])
def test_own_terms_must_be_names(tmp_path: Path, value: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(f"\nterms = {value}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="line 2: terms must be a list of names"):
        read_settings(path)
