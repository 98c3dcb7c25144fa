from __future__ import annotations

import pytest

import marked

PAGE = "before\n<!-- a: begin -->\nold \\1\n<!-- a: end -->\nafter\n"


def test_only_what_stands_between_the_markers_is_replaced() -> None:
    new = marked.replaced(PAGE, "a", "new \\1")
    assert new == "before\n<!-- a: begin -->\nnew \\1\n\n<!-- a: end -->\nafter\n"
    assert marked.replaced(new, "a", "new \\1") == new


@pytest.mark.parametrize("page", ["no markers", PAGE + PAGE])
def test_markers_that_are_missing_or_doubled_are_refused(page: str) -> None:
    with pytest.raises(ValueError, match="markers named a"):
        marked.replaced(page, "a", "new")


@pytest.mark.parametrize("name", ["peers", "sizing"])
def test_the_page_has_a_place_for_what_is_computed(name: str) -> None:
    assert "new" in marked.replaced(marked.PAGE.read_text(), name, "new")
