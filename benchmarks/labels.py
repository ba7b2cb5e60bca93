"""Drawing labels: sheets of Data Matrix labels as PDF and rolls as ZPL, beside encoding the same symbols alone."""

import random
import statistics
import time
import tracemalloc
from collections.abc import Callable

from benchmarks import Report, say
from labels import STOCKS, TEMPLATES, Item, Symbology, render_pdf, render_zpl, verify_pdf
from labels.symbols import encode

_SIGNS = "23456789ABCDEFGHJKLMNPQRTUVWXYZ"
_ROUNDS = 5
_MB = 1_000_000
_SHEET, _ROLL, _WIDE = STOCKS["cryo-letter-85"], STOCKS["roll-32x13-300"], STOCKS["l7163"]


def measure(size: int) -> Report:
    """Rates on one core, in processor time and the median of five rounds; bytes; and the memory that drawing takes."""
    report = Report("labels")
    items = _items(size)
    say(f"Drawing {size:,} labels …")
    pdf = render_pdf(items, TEMPLATES["tube"], _SHEET)
    zpl = render_zpl(items, TEMPLATES["tube"], _ROLL)
    sheets = _rate(size, lambda: render_pdf(items, TEMPLATES["tube"], _SHEET))
    floor = _rate(size, lambda: [encode(item.code, Symbology.DATA_MATRIX).path for item in items])
    rolls = _rate(size, lambda: render_zpl(items, TEMPLATES["tube"], _ROLL))
    boxes = _rate(size, lambda: render_pdf(items, TEMPLATES["box"], _WIDE))
    begin = time.perf_counter()
    render_pdf(_items(10_000), TEMPLATES["tube"], _SHEET)
    ten_thousand = time.perf_counter() - begin
    say("Measuring memory …")
    small, large = _memory(size), _memory(10 * size)
    say("Reading a sheet back …")
    first = items[: _SHEET.per_sheet]
    verdict = verify_pdf(render_pdf(first, TEMPLATES["tube"], _SHEET), [item.code for item in first])
    report.figures = {
        "labels": size,
        "pdf_per_second": round(sheets),
        "pdf_10000_seconds": round(ten_thousand, 2),
        "pdf_bytes_per_label": round(len(pdf) / size),
        "pdf_code_128_per_second": round(boxes),
        "pdf_memory_beside_the_file_mb": round(small, 1),
        "pdf_memory_beside_the_file_at_ten_times_mb": round(large, 1),
        "zpl_per_second": round(rolls),
        "zpl_bytes_per_label": round(len(zpl) / size),
        "not_read_back": len(verdict.problems()),
    }
    report.floors = {"encode_per_second": round(floor)}
    report.ratios = {"pdf_to_encode": round(sheets / floor, 2)}
    report.at_least("pdf_per_second", sheets, 3_000)
    report.at_most("pdf_10000_seconds", ten_thousand, 5)
    report.at_most("pdf_10000_mb", len(pdf) / size * 10_000 / _MB, 2)
    report.at_most("pdf_memory_beside_the_file_at_ten_times_mb", large, 10)
    report.at_least("zpl_per_second", rolls, 10_000)
    report.at_most("not_read_back", len(verdict.problems()), 0)
    return report


def _items(size: int) -> list[Item]:
    made = random.Random(1)  # noqa: S311  the same labels each time
    codes = ("T" + "".join(made.choices(_SIGNS, k=9)) for _ in range(size))
    return [Item.lined(code, ("SER 0.5 mL", "P4K7-M2XQ-8R", f"V2 {n % 9 + 1}/9")) for n, code in enumerate(codes)]


def _rate(size: int, work: Callable[[], object]) -> float:
    rates = []
    for _ in range(_ROUNDS):
        begin = time.process_time()
        work()
        rates.append(size / (time.process_time() - begin))
    return statistics.median(rates)


def _memory(size: int) -> float:
    """The most memory that drawing takes beside the labels given and the file made, in MB."""
    items = _items(size)
    tracemalloc.start()
    pdf = render_pdf(items, TEMPLATES["tube"], _SHEET)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (peak - len(pdf)) / _MB
