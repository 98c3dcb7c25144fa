"""Puts settings into files that belong to somebody else, without losing anything there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, cast


class CannotMerge(ValueError):
    """The file is not of the form that it should be of."""


def settings_with(before: str, variables: str) -> str:
    """Return JSON settings whose ``env`` holds further variables, which are written as JSON.

    Raises:
        CannotMerge: what is there is no JSON object.
    """
    try:
        document: object = json.loads(before) if before.strip() else {}
    except ValueError as error:
        raise CannotMerge(f"it is not JSON ({error})") from None
    if not isinstance(document, dict):
        raise CannotMerge("it is no JSON object")
    settings = cast("dict[str, Any]", document)
    env: object = settings.get("env", {})
    if not isinstance(env, dict):
        raise CannotMerge("its 'env' is no object")
    more: dict[str, str] = json.loads(variables)
    known = cast("dict[str, Any]", env)
    if all(known.get(name) == value for name, value in more.items()):
        return before
    merged = {**settings, "env": {**known, **more}}
    return json.dumps(merged, indent=2, ensure_ascii=False) + "\n"


def written(path: Path, before: str, after: str) -> Path | None:
    """Write a file that only its owner can read; return where the one before is kept, if any."""
    path.parent.mkdir(parents=True, exist_ok=True)
    backup: Path | None = None
    if before:
        backup = path.with_name(f"{path.name}.isthmus-backup")
        _put(backup, before)
    fresh = path.with_name(f"{path.name}.isthmus-new")
    _put(fresh, after)
    fresh.replace(path)
    return backup


def _put(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
