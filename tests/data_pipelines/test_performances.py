"""Numbers of performances: given once, whatever comes later."""

from data_pipelines.performances import PerformanceEntry, join_performances


def entries(*names: str) -> list[PerformanceEntry]:
    return [PerformanceEntry(name, f"about {name}") for name in names]


def test_lists_are_joined_by_name():
    joined, indices = join_performances([entries("a", "b"), entries("b", "c", "a"), entries()])
    assert [entry.name for entry in joined] == ["a", "b", "c"]
    assert indices == [(0, 1), (1, 2, 0), ()]


def test_a_description_is_the_first_that_is_given():
    joined, _ = join_performances([entries("a"), [PerformanceEntry("a", "another")]])
    assert joined == entries("a")
