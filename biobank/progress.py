"""How far a long work is, for the person at the terminal."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

import click

_WIDTH = 24
_LINE_SECONDS = 15.0

Progress = Callable[[str, int, int], None]
"""Told what is being made, how many are done, and of how many."""


def say(text: str) -> None:
    """A line to the person at the terminal; standard output stays free for what a command answers."""
    click.echo(text, err=True)


class ProgressBar:
    """N of N, the rate and the time left of one step after the other: a bar that is drawn anew on a terminal, elsewhere
    a line now and then and when a step is done.

    A step begins where the one before it ended, or with the bar itself.
    """

    def __init__(self, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = sys.stderr if out is None else out
        self._clock = clock
        self._step = ""
        self._began = self._last = self._said = clock()

    def __call__(self, step: str, done: int, total: int) -> None:
        now = self._clock()
        if step != self._step:
            self._step, self._began = step, self._last
        self._last = now
        finished = done >= total
        line = f"  {_line(step, done, total, now - self._began)}"
        if self._out.isatty():
            self._out.write(f"\r{line}\x1b[K" + ("\n" if finished else ""))
        elif finished or now - self._said >= _LINE_SECONDS:
            self._said = now
            self._out.write(f"{line}\n")
        self._out.flush()


def _line(step: str, done: int, total: int, seconds: float) -> str:
    filled = _WIDTH * done // total if total else _WIDTH
    bar = f"{step:<14} [{'#' * filled:.<{_WIDTH}}] {done:,} of {total:,}"
    if done >= total:
        return f"{bar} in {duration(seconds)}"
    if not done or seconds <= 0:
        return bar
    rate = done / seconds
    return f"{bar}, {rate:,.{0 if rate >= 10 else 1}f}/s, {duration((total - done) / rate)} left"


def duration(seconds: float) -> str:
    """As people say it: `8 s`, `3 min 20 s`, `1 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
