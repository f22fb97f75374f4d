"""Speed, time left and waiting, on a clock that the test turns."""

import pytest

from mt3synth.training.monitoring.throughput import Progress, format_time


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def progress(clock: Clock, **given) -> Progress:
    values = {"batch_size": 4, "segment_seconds": 5.0, "first": 100, "steps": 1000}
    return Progress(**{**values, **given}, clock=clock)


def test_a_report_counts_training_and_nothing_else():
    clock = Clock()
    measured = progress(clock, peak=60e9)
    with measured.paused(steps=1):
        clock.now += 40  # compiling, in the first step
    for flops in [2e9, 4e9] * 9 + [3e9]:
        with measured.waiting():
            clock.now += 0.1
        clock.now += 0.4
        measured.worked(flops)
    with measured.paused():
        clock.now += 13  # an evaluation
    report = measured.report(120)
    assert report.steps_per_second == pytest.approx(2)
    assert report.segments_per_second == pytest.approx(8)
    assert report.waiting == pytest.approx(0.2)
    assert report.eta == pytest.approx(880 / 2)
    assert report.mfu == pytest.approx(0.1)
    assert report.audio_hours == pytest.approx(120 * 4 * 5 / 3600)
    assert report.postfix() == {
        "segments": "8.0/s",
        "heard": "0.7 h",
        "input wait": "20%",
        "MFU": "10.0%",
        "left": "7:20",
    }


def test_each_report_begins_anew_but_the_time_left_remembers():
    clock = Clock()
    measured = progress(clock)
    clock.now += 10
    assert measured.report(120).steps_per_second == pytest.approx(2)
    clock.now += 10
    second = measured.report(130)
    assert second.steps_per_second == pytest.approx(1)
    assert second.eta == pytest.approx(870 * 20 / 30)
    assert second.mfu is None and "speed/mfu" not in second.scalars()
    measured.steps = 130
    clock.now += 1
    assert measured.report(131).eta == 0


def test_without_an_end_no_time_is_left_or_not():
    clock = Clock()
    measured = progress(clock, steps=None)
    clock.now += 10
    report = measured.report(120)
    assert report.eta is None and "left" not in report.postfix()


def test_a_report_without_a_step_is_refused():
    with pytest.raises(ValueError, match="step=100; must be more than 100"):
        progress(Clock()).report(100)


def test_clock_time():
    assert [format_time(s) for s in (0.0, 59.6, 3599.0, 3600.0, 90061.0)] == [
        "0:00",
        "1:00",
        "59:59",
        "1:00:00",
        "25:01:01",
    ]
