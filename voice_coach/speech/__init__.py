"""Transcribe: model files, the device that runs them, and Whisper itself."""
