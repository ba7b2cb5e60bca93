"""Reading files in this process: a delimited matrix beside pyarrow alone on the same bytes, a file of salmon, an export
of xPONENT, and telling each of them among all importers.
"""

import io
import random
import statistics
import time
from collections.abc import Callable
from importlib import import_module

from assay_importers.contract import SourceFile
from assay_importers.registry import discover, parse, recognise
from assay_importers.sandbox import parse_bytes
from benchmarks import Report, say

SAMPLES = 100
TRANSCRIPTS = 48_000
WELLS, ANALYTES = 96, 50
BLOCKS = ("Median", "Net MFI", "Count", "Avg Net MFI", "Result")
_ROUNDS = 5
_MB = 1_000_000


def measure(genes: int) -> Report:
    """Megabytes a second and seconds, the median of five rounds; importers and libraries are loaded beforehand."""
    report = Report("parse")
    say(f"Making a matrix of {genes:,} genes x {SAMPLES} samples …")
    counts, fractions = _matrix(genes, "{:d}"), _matrix(genes, "{:.4f}")
    salmon, luminex = _salmon(), _luminex()
    files = {"matrix": counts, "fractions": fractions, "salmon": salmon, "luminex": luminex}
    begin = time.perf_counter()
    importers = discover()
    loading = time.perf_counter() - begin
    seconds: dict[str, float] = {}
    for name, file in files.items():
        say(f"Reading {name}, {len(file.content) / _MB:.1f} MB …")
        seconds[name] = _median(lambda file=file: parse(file, importers=importers))  # type: ignore[misc]
    say("The same bytes by pyarrow alone …")
    floors = {name: _median(lambda name=name: _arrow(files[name].content)) for name in ("matrix", "fractions")}  # type: ignore[misc]
    say("Recognising …")
    known = {name: _median(lambda file=file: recognise(file, importers)) for name, file in files.items()}  # type: ignore[misc]
    worker = _median(lambda: parse_bytes(salmon.content, salmon.name))
    rate = {name: len(files[name].content) / _MB / seconds[name] for name in ("matrix", "fractions")}
    most = {name: len(files[name].content) / _MB / floors[name] for name in floors}
    report.figures = {
        "importers": len(importers),
        "loading_importers_seconds": round(loading, 3),
        "matrix_mb": round(len(counts.content) / _MB, 1),
        "matrix_mb_per_second": round(rate["matrix"], 1),
        "matrix_of_fractions_mb_per_second": round(rate["fractions"], 1),
        "salmon_mb": round(len(salmon.content) / _MB, 2),
        "salmon_seconds": round(seconds["salmon"], 3),
        "salmon_in_a_worker_seconds": round(worker, 3),
        "luminex_seconds": round(seconds["luminex"], 3),
        **{f"recognising_{name}_ms": round(1000 * took, 2) for name, took in known.items()},
    }
    report.floors = {
        "pyarrow_mb_per_second": round(most["matrix"], 1),
        "pyarrow_of_fractions_mb_per_second": round(most["fractions"], 1),
    }
    report.ratios = {
        "matrix_to_pyarrow": round(rate["matrix"] / most["matrix"], 2),
        "matrix_of_fractions_to_pyarrow": round(rate["fractions"] / most["fractions"], 2),
    }
    report.at_least("matrix_mb_per_second", min(rate.values()), 20)
    report.at_most("salmon_seconds", seconds["salmon"], 0.3)
    report.at_most("luminex_seconds", seconds["luminex"], 0.5)
    report.at_most("recognising_ms", 1000 * max(known.values()), 50)
    return report


def _median(work: Callable[[], object]) -> float:
    work()  # the first time loads libraries
    took = []
    for _ in range(_ROUNDS):
        begin = time.perf_counter()
        work()
        took.append(time.perf_counter() - begin)
    return statistics.median(took)


def _arrow(content: bytes) -> object:
    """What pyarrow needs on one core to make columns of the text, and no more."""
    reader = import_module("pyarrow.csv")
    return reader.read_csv(
        io.BytesIO(content),
        read_options=reader.ReadOptions(use_threads=False, block_size=len(content) + 1),
        parse_options=reader.ParseOptions(delimiter="\t"),
    )


def _matrix(genes: int, form: str) -> SourceFile:
    made = random.Random(1)  # noqa: S311  the same values each time
    lines = ["\t".join(["gene_id", "gene_name", *(f"P{number:03d}" for number in range(SAMPLES))])]
    for gene in range(genes):
        values = (int(made.expovariate(0.002)) for _ in range(SAMPLES))
        cells = (form.format(value if form == "{:d}" else value / 7) for value in values)
        lines.append("\t".join([f"ENSG{gene:011d}", f"G{gene}", *cells]))
    return SourceFile("counts.tsv", ("\n".join(lines) + "\n").encode())


def _salmon() -> SourceFile:
    made = random.Random(2)  # noqa: S311  the same values each time
    lines = ["Name\tLength\tEffectiveLength\tTPM\tNumReads"]
    for number in range(TRANSCRIPTS):
        length, reads = made.randint(200, 9000), made.expovariate(0.01)
        lines.append(f"NM_{number:06d}\t{length}\t{length - 150.25:.2f}\t{reads / length:.5g}\t{reads:.6g}")
    return SourceFile("S1_quant.sf", ("\n".join(lines) + "\n").encode())


def _luminex() -> SourceFile:
    made = random.Random(3)  # noqa: S311  the same values each time
    analytes = ",".join(f'"Antigen {number}"' for number in range(ANALYTES))
    wells = [f"{number + 1}(1,{'ABCDEFGH'[number // 12]}{number % 12 + 1})" for number in range(WELLS)]
    lines = ['"Program","xPONENT","","MAGPIX"', '"Build","4.2.1324.0"', '"SN","MAGPX1"', "", '"Results"', ""]
    for block in BLOCKS:
        lines += [f'"DataType:","{block}"', f'"Location","Sample",{analytes},"Total Events"']
        for number, well in enumerate(wells):
            cells = ",".join(f'"{made.expovariate(0.001):.1f}"' for _ in range(ANALYTES))
            lines.append(f'"{well}","P-{number:03d}",{cells},"5000"')
        lines.append("")
    lines += ["-- CRC --", "CRC32: 00000000", ""]
    return SourceFile("run.csv", "\r\n".join(lines).encode())
