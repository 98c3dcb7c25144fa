"""Budgets, and the table that shows them."""

import pytest

from budget import Budget, Row, budgets, exceeded, ratio, table

MEMORY = Row(what="idle memory", key="idle_mb", figure=61.0, ours="61.00 MB")


def test_a_budget_is_exceeded_above_its_tolerance_only():
    assert not Budget(10, 0.15).over(11.4)
    assert Budget(10, 0.15).over(11.6)


def test_exact_budgets_have_no_tolerance(tmp_path):
    file = tmp_path / "budgets.toml"
    file.write_text("tolerance = 0.5\nloose = 2\n[exact]\nstrict = 3\n")
    assert budgets(file) == {"loose": Budget(2, 0.5), "strict": Budget(3, 0.0)}


def test_one_figure_over_its_budget_fails_the_run():
    assert exceeded([MEMORY], {"idle_mb": Budget(60)})
    assert not exceeded([MEMORY], {"idle_mb": Budget(62)})


def test_a_budget_for_what_nobody_measured_is_a_mistake():
    with pytest.raises(KeyError, match="idle_gb"):
        exceeded([MEMORY], {"idle_mb": Budget(60), "idle_gb": Budget(1)})


@pytest.mark.parametrize("judged", [True, False])
def test_the_table_marks_what_is_over_where_it_judges(judged):
    drawn = table([MEMORY], {"idle_mb": Budget(60)}, judged=judged)
    assert ("OVER BUDGET" in drawn) is judged


def test_sides_are_compared_round_by_round():
    assert ratio([11.0, 22.0, 99.0], [10.0, 20.0, 30.0]) == pytest.approx(1.1)
