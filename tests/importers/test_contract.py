"""What every importer owes: the contract suite over all that are registered, their samples and the real files."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay_importers.contract import HEAD_BYTES, Importer, SourceFile, Verdict
from assay_importers.formats.star_counts import StarCounts
from assay_importers.registry import discover, recognise
from assay_importers.testing import (
    ImporterContract,
    check_cuts,
    check_description,
    check_nothing_is_dropped,
    check_reading,
    check_recognition,
    check_recognition_is_quick,
    fuzz,
)
from tests.importers.sample_files import ROOT, all_samples, own_samples, real_samples

PAGES = ROOT / "docs" / "importers"
# Leaves every file to a person.
ASKS = {"generic_table"}
# `make fuzz` gives thousands; these few are for faults that were made since.
FAULTS = 20


@pytest.fixture(scope="session")
def importers(registered: None) -> tuple[Importer, ...]:
    return discover()


@pytest.fixture(scope="session")
def ours(importers: tuple[Importer, ...]) -> tuple[Importer, ...]:
    return tuple(one for one in importers if type(one).__module__.startswith("assay_importers."))


@pytest.fixture(scope="session")
def known(importers: tuple[Importer, ...]) -> dict[str, Importer]:
    return {importer.key: importer for importer in importers}


@pytest.fixture(scope="session")
def real(data: Path) -> list[tuple[SourceFile, str]]:
    return list(real_samples(data))


@pytest.fixture(scope="session")
def own(real: list[tuple[SourceFile, str]], known: dict[str, Importer]) -> list[tuple[SourceFile, Importer]]:
    """The real files that have an importer."""
    return [(file, known[key]) for file, key in real if key in known]


def test_every_importer_describes_itself_and_has_a_page_and_samples(ours: tuple[Importer, ...]) -> None:
    for importer in ours:
        check_description(importer, PAGES / f"{importer.key}.md")
        assert own_samples(importer.key)


def test_yes_to_its_own_samples_and_to_no_other(ours: tuple[Importer, ...]) -> None:
    for importer in ours:
        check_recognition(importer, own_samples(importer.key), asks=importer.key in ASKS)


def test_yes_to_its_own_files_and_to_no_other(
    real: list[tuple[SourceFile, str]], importers: tuple[Importer, ...], known: dict[str, Importer]
) -> None:
    for file, key in real:
        for name in (file.name, "x"):
            claims = [
                m.format for m in recognise(SourceFile(name, file.content), importers) if m.verdict is Verdict.YES
            ]
            assert claims == [key] * (key in known), file.name


def test_recognition_is_quick(ours: tuple[Importer, ...], own: list[tuple[SourceFile, Importer]]) -> None:
    for importer in ours:
        # All together have 50 ms (`biobank bench parse`); a busy machine that counts branches has its time.
        check_recognition_is_quick(importer, [file for file, _ in own], 0.25)


def test_reading_keeps_its_promises(ours: tuple[Importer, ...]) -> None:
    for importer in ours:
        for sample in own_samples(importer.key):
            check_reading(importer, sample)
            check_nothing_is_dropped(importer, sample)
            check_cuts(importer, sample, parts=12)


def test_reading_of_real_files_keeps_its_promises(own: list[tuple[SourceFile, Importer]]) -> None:
    for file, importer in own:
        check_reading(importer, file)
        check_cuts(importer, file, parts=8 if len(file.content) < 200_000 else 2)  # `make fuzz` cuts them anywhere


def test_damaged_samples_raise_importer_errors_only(ours: tuple[Importer, ...]) -> None:
    for importer in ours:
        assert fuzz(importer, own_samples(importer.key), FAULTS).failures == ()


class TestStarCounts(ImporterContract):
    """The suite as another package runs it, in a worker process too."""

    importer = StarCounts()
    samples = own_samples("star_counts")
    faults = FAULTS


def test_every_sample_is_of_an_importer(known: dict[str, Importer]) -> None:
    assert {key for _, key in all_samples()} <= set(known)


def test_recognition_looks_at_the_head_alone() -> None:
    file = SourceFile("f", b"x" * (HEAD_BYTES + 1))
    assert (len(file.head.data), file.head.size, file.head.complete) == (HEAD_BYTES, HEAD_BYTES + 1, False)
