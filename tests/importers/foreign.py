"""Importers as another package would bring them: a good one, and some that misbehave inside the worker."""

from __future__ import annotations

import os
import sys
import time

import numpy as np

from assay_importers.contract import (
    Fact,
    Features,
    Finding,
    Head,
    Importer,
    ParsedRun,
    Run,
    SourceFile,
    Table,
    Verdict,
)
from assay_importers.errors import FaultyFile
from assay_importers.matrix import Matrix


class Tallies(Importer):
    """Says YES to what begins with its key, and prints while it reads."""

    key = "tallies"
    title = "Tallies"
    version = "3"
    extensions = (".txt",)
    technique = "immunofluorescence"
    maturity = "beta"

    def sniff(self, head: Head) -> Finding:
        if head.data.startswith(self.key.encode()):
            return Finding(Verdict.YES, f"begins with {self.key}")
        return Finding(Verdict.NO, f"does not begin with {self.key}")

    def parse(self, file: SourceFile) -> ParsedRun:
        print("reading", file.name)  # noqa: T201 - what a careless importer does
        return ParsedRun(format=self.key, importer_version=self.version, run=Run(batch=file.content.decode()))


class Slow(Tallies):
    key = "slow"

    def parse(self, file: SourceFile) -> ParsedRun:
        time.sleep(60)
        return super().parse(file)


class Busy(Tallies):
    key = "busy"

    def parse(self, file: SourceFile) -> ParsedRun:
        while True:
            pass


class Greedy(Tallies):
    key = "greedy"

    def parse(self, file: SourceFile) -> ParsedRun:
        return ParsedRun(format="x" * (1 << 34), importer_version=self.version, run=Run())


class Broken(Tallies):
    key = "broken"

    def parse(self, file: SourceFile) -> ParsedRun:
        raise LookupError("a fault of the importer")


class Dying(Tallies):
    key = "dying"

    def parse(self, file: SourceFile) -> ParsedRun:
        sys.stderr.write("last words\n")
        sys.stderr.flush()
        os._exit(7)


class Writing(Tallies):
    key = "writing"

    def parse(self, file: SourceFile) -> ParsedRun:
        with open(file.content.decode().partition(":")[2], "w") as out:  # noqa: PTH123 - what a careless importer does
            out.write("x" * 100)
        return super().parse(file)


class Nosy(Tallies):
    key = "nosy"

    def parse(self, file: SourceFile) -> ParsedRun:
        return ParsedRun(
            format=self.key, importer_version=self.version, run=Run(header=dict(os.environ)), notes=tuple(sys.path)
        )


class Faulty(Tallies):
    key = "faulty"

    def parse(self, file: SourceFile) -> ParsedRun:
        raise FaultyFile("no good", line=3, column="Titre", value="1:", expected="a titre")


class Stumbling(Tallies):
    """Fails to recognise anything at all."""

    key = "stumbling"

    def sniff(self, head: Head) -> Finding:
        raise ZeroDivisionError("oh")


class Twin(Tallies):
    """Claims the same files as `Tallies` under a key of its own."""

    key = "twin"

    def sniff(self, head: Head) -> Finding:
        return Finding(Verdict.YES, "claims everything")


class Counts(Tallies):
    """A sample in each file, as `counts NAME NUMBER NUMBER`: a matrix of all files together."""

    key = "counts"
    several = True

    def parse(self, file: SourceFile) -> ParsedRun:
        samples = [part.content.decode().split()[1:] for part in (file, *file.companions)]
        values = np.array([[int(number) for number in numbers] for _, *numbers in samples]).T
        matrix = Matrix({"counts": values, "halves": values / 2})
        return ParsedRun(
            format=self.key,
            importer_version=self.version,
            run=Run(),
            facts=(Fact(name="kit", text="K"),),
            tables=(Table(name="G", columns=("count",), rows=2),),
            features=Features.of(matrix, samples=[name for name, *_ in samples], ids=["G1", "G2"]),
            matrix=matrix,
        )


NOT_AN_IMPORTER = dict
