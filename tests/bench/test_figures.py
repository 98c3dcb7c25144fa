from __future__ import annotations

from pathlib import Path

from peers.figures import Entry, Figures, Run, load, median, save


def test_the_median_of_rounds_is_taken_figure_by_figure() -> None:
    rounds = [Figures(whole_us=3.0, p50_ms=1.0), Figures(whole_us=1.0), Figures(whole_us=2.0)]
    assert median(rounds) == Figures(whole_us=2.0, p50_ms=1.0)


def test_a_run_that_was_kept_is_read_back_the_same(tmp_path: Path) -> None:
    entry = Entry("a", "A", "1.0", "C", Figures(whole_us=1.5), ("a reason",))
    run = Run("2026-11-23", "a machine", 3, (entry, Entry("b", "B", "", "Go")))
    save(run, tmp_path / "new" / "run.json")
    assert load(tmp_path / "new" / "run.json") == run
