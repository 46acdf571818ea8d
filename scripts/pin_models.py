#!/usr/bin/env python3
"""Write models/MODELS.json: every file of the shipped models, with size and sha256.

Usage: scripts/pin_models.py

Run it after a model was trained or replaced, and commit the result with the model.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from voice_coach.speech.model_files import DEFAULT_WHISPER, LIFECYCLE, describe

MODELS = Path(__file__).resolve().parent.parent / "models"


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter).parse_args()
    entries = [
        describe(DEFAULT_WHISPER, MODELS / "whisper-base.en-int8", skip=("CARD.md",)),
        describe(LIFECYCLE, MODELS / "lifecycle", skip=("CARD.md", "RUBRIC.md")),
    ]
    (MODELS / "MODELS.json").write_text(json.dumps({"models": entries}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
