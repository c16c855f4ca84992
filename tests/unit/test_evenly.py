"""Moments that are evenly spaced are one question, and no others."""

from exporter.usage.evenly import evenly

DAY = 86400.0


def runs(*moments: tuple[str, float]) -> list[tuple[str, list[float]]]:
    return list(evenly(moments))


def test_evenly_spaced_moments_are_one_run() -> None:
    """Those of each question for themselves, in their order, whatever the order they come in."""
    assert runs(("a", 2 * DAY), ("b", 5.0), ("a", 0.0), ("a", DAY)) == [("a", [0.0, DAY, 2 * DAY]), ("b", [5.0])]
    assert runs() == []


def test_another_distance_begins_another_run() -> None:
    """As where summer time ends: the day has 25 hours."""
    assert runs(*(("a", at) for at in (0.0, DAY, 2 * DAY + 3600, 3 * DAY + 3600))) == [
        ("a", [0.0, DAY]),
        ("a", [2 * DAY + 3600, 3 * DAY + 3600]),
    ]


def test_milliseconds_do_not_add_up() -> None:
    """Each moment of a run is where its first and its distance lead, to the millisecond."""
    drifting = [n * (DAY + 0.001) + (n == 1) * -0.001 for n in range(4)]
    for _, run in runs(*(("a", at) for at in drifting)):
        step = round(run[1] - run[0], 3) if len(run) > 1 else 0.0
        assert all(abs(run[0] + n * step - at) < 0.001 for n, at in enumerate(run))
    assert len(runs(*(("a", at) for at in drifting))) > 1
    assert len(runs(*(("a", 0.1 + n * 0.1) for n in range(1000)))) == 1
