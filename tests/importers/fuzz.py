"""Damaged files to every importer: `make fuzz`, `make fuzz FUZZ="--count 10000 --seed 7 --format msd"`.

They are made from the samples in `tests/importers/samples` and, where they are there, the real files. Each has a
number; `--format KEY --seed SEED --input NUMBER` makes one again, and reads it with its traceback.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import time
from dataclasses import replace
from typing import Any

import click
import psutil

from assay_importers.contract import Importer, SourceFile
from assay_importers.errors import ParseCrashed, ParseTimeout
from assay_importers.registry import discover
from assay_importers.sandbox import DEFAULT, parse_files_async
from assay_importers.testing import Failure, Outcome, fuzz
from assay_importers.testing.fuzz import SECONDS, attempt, damaged
from assay_importers.testing.mutations import shortened
from assay_importers.worker import RESOURCE
from tests.importers.sample_files import DATA, own_samples, real_samples

_LARGEST = 200_000
# HDF5's library may go round for ever in a damaged file, and nothing in its process can stop it: the worker's limit
# does. Of every other format that would be a failure.
STOPPED = {"h5ad", "tenx_h5"}


def seeds(importer: Importer) -> list[SourceFile]:
    """What is damaged: the importer's samples, and real files that are not too large when shortened."""
    real = [shortened(file) for file, key in real_samples(DATA) if key == importer.key]
    shortened_samples = [shortened(sample) for sample in own_samples(importer.key)]
    return [*shortened_samples, *(file for file in real if len(file.content) <= _LARGEST)]


def work(key: str, start: int, count: int, seed: int, seen: Any, answer: Any) -> None:
    """Part of a format, in a process of its own with the limits of the worker; `seen` tells how far it is."""
    if RESOURCE is not None:
        RESOURCE.setrlimit(RESOURCE.RLIMIT_AS, (DEFAULT.memory_bytes, DEFAULT.memory_bytes))
    # Libraries in Rust report on standard error what is then an error of ours.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    (importer,) = (one for one in discover() if one.key == key)

    def watch(*numbers: float) -> None:
        seen[:] = numbers

    answer.put(fuzz(importer, seeds(importer), count, seed, start=start, watch=watch))


def run(importer: Importer, count: int, seed: int) -> tuple[Outcome, int]:
    """The outcome, and how many inputs were stopped by the limits of the worker alone."""
    done: list[Outcome] = []
    start = stopped = 0
    while start < count:
        found, number, end = _watched(importer.key, start, count, seed)
        if end and importer.key in STOPPED and _is_stopped(importer, seed, number):
            stopped += 1
        elif end:
            found = replace(found, failures=(Failure(importer.key, number, end),))
        done.append(found)
        start = number + 1
    return Outcome(
        sum(one.inputs for one in done),
        sum(one.read for one in done),
        sum(one.refused for one in done),
        max(one.worst for one in done),
        tuple(failure for one in done for failure in one.failures),
    ), stopped


def _watched(key: str, start: int, count: int, seed: int) -> tuple[Outcome, int, str]:
    """What was read, the last input, and how the process ended if that was at it."""
    context = multiprocessing.get_context("spawn")
    seen, answer = context.Array("d", [start, 0, 0, 0]), context.SimpleQueue()
    process = context.Process(target=work, args=(key, start, count, seed, seen, answer))
    process.start()
    watched = psutil.Process(process.pid)
    most = 2 if key in STOPPED else SECONDS
    number, since, end = -1.0, 0.0, ""
    while process.is_alive() and answer.empty():
        used = sum(watched.cpu_times()[:2])
        if seen[0] != number:
            number, since = seen[0], used
        if used - since > most:
            end = f"more than {most:g} s of processor time"
            process.kill()
            process.join()
        time.sleep(0.02)
    outcome = None if answer.empty() else answer.get()
    process.join()
    if outcome is not None:
        return outcome, count, ""
    at, read, refused, worst = seen[:]
    end = end or f"the process ended with status {process.exitcode}"
    return Outcome(int(at) + 1 - start, int(read), int(refused), worst, ()), int(at), end


def _is_stopped(importer: Importer, seed: int, number: int) -> bool:
    """Whether the worker that reads files in earnest ends with an importer error."""
    file = damaged(seeds(importer), seed, importer.key, number)
    files = (SourceFile(file.name, file.content), *file.companions)
    try:
        limits = replace(DEFAULT, cpu_seconds=2)
        asyncio.run(parse_files_async(files, format_key=importer.key, limits=limits))
    except (ParseTimeout, ParseCrashed):
        return True
    return False


@click.command()
@click.option("--count", default=2000, show_default=True, help="Inputs for each format.")
@click.option("--seed", default=0, show_default=True)
@click.option("--format", "only", multiple=True, help="This format alone; may be repeated.")
@click.option("--input", "number", type=int, help="This input of the format alone, with its traceback.")
def main(count: int, seed: int, only: tuple[str, ...], number: int | None) -> None:
    """Give damaged files to the importers; fails on anything but an importer error."""
    importers = [importer for importer in discover() if not only or importer.key in only]
    failed = False
    for importer in importers:
        if number is not None:
            file = damaged(seeds(importer), seed, importer.key, number)
            click.echo(repr(file))
            click.echo("read" if attempt(importer, file) else "refused")
            continue
        outcome, stopped = run(importer, count, seed)
        click.echo(
            f"{importer.key}: {outcome.inputs:,} inputs, {outcome.refused:,} refused, {outcome.read:,} read, "
            + (f"{stopped:,} stopped by the worker's limits, " if stopped else "")
            + f"worst {1000 * outcome.worst:.0f} ms"
        )
        for failure in outcome.failures:
            failed = True
            click.echo(f"  {failure}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
