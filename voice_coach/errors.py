"""What can go wrong, as a tree; the command line turns every leaf into one line and exit code 2.

    VoiceCoachError
    ├── UsageError            the command itself asks for something impossible
    ├── AudioError
    │   ├── AudioFileError    a recording can't be opened, read or decoded
    │   ├── MicrophoneError   there is no such microphone, or it can't be opened
    │   ├── PlaybackError     nothing can be played on this machine
    │   └── TakeError         a take can't be kept on disk, or found there again
    ├── ModelError
    │   ├── ModelMissingError a model's file is not where it should be
    │   ├── ModelDamagedError a model's file is there, and its checksum is wrong
    │   └── ModelFetchError   a download asked for by the user failed
    ├── TranscriptionError    Whisper failed on audio that was read without trouble
    ├── SpeechEngineError     no engine to read aloud, or it said nothing
    ├── QuestionPackError     a question pack is not as documented
    ├── SettingsError         the settings file is not as documented
    ├── HistoryError          a take can't be kept, found or read back
    ├── ClusterError          a Dask scheduler or its workers can't be used
    └── OutputError           a result can't be written

Every message is one line and says what to do next. Anything that is not a `VoiceCoachError`
is a bug and keeps its traceback. Silence is data, not an error.
"""


class VoiceCoachError(Exception):
    """Root of everything the program can explain to the person who uses it."""


class UsageError(VoiceCoachError):
    """The command asks for something impossible; the message names the way to ask."""


class AudioError(VoiceCoachError):
    """Something about sound, in or out."""


class AudioFileError(AudioError):
    """A recording can't be opened, read or decoded."""


class MicrophoneError(AudioError):
    """There is no microphone, none of that name, or it can't be opened; the message says what to do."""


class PlaybackError(AudioError):
    """No sound can be played on this machine at present."""


class TakeError(AudioError):
    """A take can't be written, read back or made whole; what is on disk is kept."""


class ModelError(VoiceCoachError):
    """Something about a model's files."""


class ModelMissingError(ModelError):
    """A model's folder or one of its files is not there."""


class ModelDamagedError(ModelError):
    """A model's file is there, but its sha256 is not the one in its manifest."""


class ModelFetchError(ModelError):
    """A download that the user asked for did not finish."""


class TranscriptionError(VoiceCoachError):
    """Whisper failed on audio that was read without trouble."""


class SpeechEngineError(VoiceCoachError):
    """There is no speech engine, or it produced nothing."""


class QuestionPackError(VoiceCoachError):
    """A question pack is not as documented; the message names the key."""


class SettingsError(VoiceCoachError):
    """The settings file is not as documented; the message names the key and the line."""


class HistoryError(VoiceCoachError):
    """The store of takes can't be opened, or a take can't be kept, found or read back; the message says what to do."""


class ClusterError(VoiceCoachError):
    """A Dask scheduler or its workers can't be used; the message says what to start or install."""


class OutputError(VoiceCoachError):
    """A result can't be written where it was asked to go."""
