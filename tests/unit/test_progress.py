"""What the bar says on a terminal and in a log."""

import io

import pytest

from biobank.progress import ProgressBar, duration


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def bar(out: io.StringIO, moments: list[float]) -> ProgressBar:
    return ProgressBar(out, iter(moments).__next__)


def test_a_terminal_sees_one_line_that_is_drawn_anew():
    out = Terminal()
    tell = bar(out, [0, 10, 20])
    tell("visits", 50, 100)
    tell("visits", 100, 100)
    drawn, done = out.getvalue().split("\r")[1:]
    assert drawn == "  visits         [############............] 50 of 100, 5.0/s, 10 s left\x1b[K"
    assert done == "  visits         [########################] 100 of 100 in 20 s\x1b[K\n"


def test_a_log_gets_a_line_now_and_then_and_one_at_the_end_of_a_step():
    out = io.StringIO()
    tell = bar(out, [0, 5, 16, 20, 24])
    for done in (100, 400, 500):
        tell("visits", done, 500)
    tell("runs", 2, 2)
    first, second, third = out.getvalue().splitlines()
    assert first.endswith("400 of 500, 25/s, 4 s left")
    assert second.endswith("500 of 500 in 20 s")
    assert third.endswith("2 of 2 in 4 s")


def test_nothing_is_divided_by_nothing():
    out = Terminal()
    tell = bar(out, [0, 0, 0])
    tell("visits", 0, 10)
    tell("runs", 0, 0)
    assert "0 of 10\x1b" in out.getvalue()
    assert "0 of 0 in 0 s" in out.getvalue()


@pytest.mark.parametrize(("seconds", "said"), [(0.4, "0 s"), (59.4, "59 s"), (200, "3 min 20 s"), (3_900, "1 h 5 min")])
def test_durations_as_people_say_them(seconds, said):
    assert duration(seconds) == said
