"""Looking up a scanned code over HTTP, beside what the same server and the same database do at most."""

import itertools
from pathlib import Path

from benchmarks import Report, say
from benchmarks.house import House, house
from benchmarks.load import Load, drive, request
from benchmarks.pgbench import rate
from biobank.scan.queries import RESOLVE

SECONDS = 10
MANY = 16
# The reach of somebody who may see one whole study, as `Scope.arrays` gives it.
_REACH = {"$2": "false", "$3": "'{1}'::bigint[]", "$4": "'{}'::bigint[]", "$5": "'{}'::bigint[]"}


def measure(aliquots: int, kept: Path | None = None) -> Report:
    """Rates, latencies and server processor time with 1 and 16 connections on `aliquots` tubes in boxes."""
    report = Report("scan")
    say(f"Making {aliquots:,} aliquots …")
    with house(aliquots, kept) as made:
        codes = itertools.cycle(made.codes)
        lookup = lambda: request("GET", f"/api/v1/scan/{next(codes)}", made.token)  # noqa: E731
        constant = request("GET", "/health/constant")
        say("Looking up over 16 connections …")
        many = drive(made.port, made.server, MANY, SECONDS, lookup)
        say("The constant answer over 16 connections …")
        floor = drive(made.port, made.server, MANY, SECONDS, lambda: constant)
        say("Looking up over one connection …")
        one = drive(made.port, made.server, 1, SECONDS, lookup)
        one_floor = drive(made.port, made.server, 1, SECONDS, lambda: constant)
        say("The same statement, prepared, in the database alone …")
        report.floors["pgbench_16_per_second"] = round(_database(made, MANY), 1)
        report.floors["pgbench_1_per_second"] = round(_database(made, 1), 1)
    report.figures |= {"aliquots": aliquots, **_figures("lookup_16", many), **_figures("lookup_1", one)}
    report.floors |= {**_figures("constant_16", floor), **_figures("constant_1", one_floor)}
    report.ratios = {
        "lookup_to_constant_16": round(many.rate / floor.rate, 3),
        "lookup_to_constant_1": round(one.rate / one_floor.rate, 3),
        "lookup_to_pgbench_16": round(many.rate / float(report.floors["pgbench_16_per_second"]), 3),
    }
    report.at_least("lookup_to_constant_16", many.rate / floor.rate, 0.20)
    report.at_most("lookup_16_server_cpu_us", many.cpu_us, 500)
    report.at_most("lookup_1_p50_ms", one.p50, 4)
    report.at_most("lookup_1_p99_ms", one.p99, 10)
    report.at_most("failed", many.failed + one.failed, 0)
    return report


def _figures(name: str, load: Load) -> dict[str, float | int]:
    return {
        f"{name}_per_second": round(load.rate, 1),
        f"{name}_p50_ms": round(load.p50, 3),
        f"{name}_p99_ms": round(load.p99, 3),
        f"{name}_server_cpu_us": round(load.cpu_us, 1),
    }


def _database(made: House, clients: int) -> float:
    statement = RESOLVE.replace("$1", "(select code from specimen where id = :n)")
    for name, value in _REACH.items():
        statement = statement.replace(name, value)
    script = f"\\set n random(1, {len(made.codes)})\n{' '.join(statement.split())};\n"
    return rate(made.bin, made.dsn, script, clients=clients, seconds=SECONDS)
