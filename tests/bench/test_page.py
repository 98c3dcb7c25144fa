"""What is written into the page about performance."""

import pytest

import page


def test_only_what_stands_between_the_marks_is_replaced():
    text = f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n"
    assert page.written(text, "new") == f"before\n{page.BEGIN}\nnew\n{page.END}\nafter\n"


@pytest.mark.parametrize("text", ["", page.BEGIN, page.END])
def test_a_page_without_both_marks_is_not_touched(text):
    with pytest.raises(ValueError, match="are to be on the page"):
        page.written(text, "new")


def test_the_page_of_the_project_has_both_marks():
    assert "new" in page.written(page.PAGE.read_text(), "new")


def test_tables_are_drawn_as_markdown():
    assert page.table(("a", "b"), [("1", "2")]) == "| a | b |\n|---|---|\n| 1 | 2 |"
