"""What a student's folder says of its model, read without loading anything."""

import json
from pathlib import Path

from tools.errors import RetortError
from tools.records import JsonObject


def text_config(folder: Path) -> JsonObject:
    """What a student's folder says about its language model, which is a part of it where it also sees or hears.

    Raises RetortError when there is no config.json.
    """
    config = read_json(folder / "config.json")
    if not config:
        raise RetortError(f"{folder / 'config.json'} is missing.", "Choose another student or checkpoint.")
    inner = config.get("text_config")
    return {**config, **inner} if isinstance(inner, dict) else config


def read_json(path: Path) -> JsonObject:
    """The object in a file; an empty one where there is none."""
    found = json.loads(path.read_bytes()) if path.is_file() else {}
    return found if isinstance(found, dict) else {}
