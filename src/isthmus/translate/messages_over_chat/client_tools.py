"""Tools that the client runs and Claude knows by their type: other models need their schemas.

A family is named by the beginning of its types, which end in a date.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_WHOLE: Schema = {"type": "integer"}
_POINT: Schema = {"type": "array", "items": _WHOLE}


class ClientTool(Struct, frozen=True, kw_only=True):
    """What Claude knows of a family of tools without being told."""

    description: str
    parameters: Schema


def _object(required: str, **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": [required]}


def _one_of(*words: str) -> Schema:
    return {"type": "string", "enum": list(words)}


#: Later entries are more special: the last one that fits a type counts.
FAMILIES: dict[str, ClientTool] = {
    "bash_": ClientTool(
        description=(
            "Run a command in a bash session that stays open from call to call. "
            "`restart` begins a new session."
        ),
        parameters={
            "type": "object",
            "properties": {"command": _TEXT, "restart": {"type": "boolean"}},
        },
    ),
    "text_editor_": ClientTool(
        description=(
            "View, create and edit text files. `view` shows a file with line numbers, or a "
            "directory; `str_replace` replaces `old_str`, which must occur exactly once, by "
            "`new_str`; `insert` puts `insert_text` after line `insert_line`."
        ),
        parameters=_object(
            "command",
            command=_one_of("view", "create", "str_replace", "insert"),
            path=_TEXT,
            view_range=_POINT,
            file_text=_TEXT,
            old_str=_TEXT,
            new_str=_TEXT,
            insert_line=_WHOLE,
            insert_text=_TEXT,
        ),
    ),
    "text_editor_20250124": ClientTool(
        description=(
            "View, create and edit text files. `view` shows a file with line numbers, or a "
            "directory; `str_replace` replaces `old_str`, which must occur exactly once, by "
            "`new_str`; `insert` puts `new_str` after line `insert_line`; `undo_edit` takes the "
            "last edit of a file back."
        ),
        parameters=_object(
            "command",
            command=_one_of("view", "create", "str_replace", "insert", "undo_edit"),
            path=_TEXT,
            view_range=_POINT,
            file_text=_TEXT,
            old_str=_TEXT,
            new_str=_TEXT,
            insert_line=_WHOLE,
        ),
    ),
    "memory_": ClientTool(
        description=(
            "Keep notes in files under /memories, which last from conversation to conversation. "
            "`insert` puts `insert_text` after line `insert_line`; `rename` moves `old_path` to "
            "`new_path`."
        ),
        parameters=_object(
            "command",
            command=_one_of("view", "create", "str_replace", "insert", "delete", "rename"),
            path=_TEXT,
            view_range=_POINT,
            file_text=_TEXT,
            old_str=_TEXT,
            new_str=_TEXT,
            insert_line=_WHOLE,
            insert_text=_TEXT,
            old_path=_TEXT,
            new_path=_TEXT,
        ),
    ),
    "computer_20": ClientTool(
        description=(
            "Use a computer by its screen, mouse and keyboard. Coordinates are pixels from the "
            "upper left corner."
        ),
        parameters=_object(
            "action",
            action=_one_of(
                *("screenshot", "cursor_position", "mouse_move", "wait", "zoom", "scroll"),
                *("left_click", "right_click", "middle_click", "double_click", "triple_click"),
                *("left_click_drag", "left_mouse_down", "left_mouse_up", "key", "hold_key", "type"),
            ),
            coordinate=_POINT,
            start_coordinate=_POINT,
            region=_POINT,
            text=_TEXT,
            duration={"type": "number"},
            scroll_direction=_one_of("up", "down", "left", "right"),
            scroll_amount=_WHOLE,
        ),
    ),
}


def client_tool(kind: str) -> ClientTool | None:
    """Return what a type of tool means; None where the client does not run it by itself."""
    fitting = [family for prefix, family in FAMILIES.items() if kind.startswith(prefix)]
    return fitting[-1] if fitting else None
