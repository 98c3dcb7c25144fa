from __future__ import annotations

from limits import sizes


def test_everything_is_as_asked_where_there_is_room() -> None:
    assert sizes(1.0, 100_000)[:3] == (10_000, 1_000, 1_000)
    assert sizes(0.1, 100_000) == (1_000, 100, 100, "")


def test_what_does_not_fit_is_scaled_down_and_said() -> None:
    small = sizes(1.0, 4_096)
    assert small.idle + small.loris <= 4_096 // 2 - 500
    assert small.idle > 9 * small.loris
    assert small.why == "4096 files may be open, half of them for clients"
