"""Every page of the demonstration study as each role that may see it, beside a constant page of the same server."""

import asyncio
import http.client
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from litestar import Litestar

from benchmarks import Report, examples, say
from benchmarks.house import ROLE, served
from biobank import embedded, migrate
from biobank.access import commands as access
from biobank.access.rules import ROLES
from biobank.actor import SERVICE
from biobank.app import create_app
from biobank.db import Database
from biobank.demo import fill
from biobank.demo.plan import CENTRAL
from biobank.demo.plan import ROLES as DEMO_USERS
from biobank.progress import ProgressBar
from biobank.runtime import EMBEDDED
from biobank.serve import settle
from biobank.settings import Settings
from biobank.tx import open_tx

TARGET_MS = 100
ROUNDS = 20
_WARM = 3
_PASSWORD = "only-for-this-benchmark-1"  # noqa: S105  # of a study that is thrown away

# What is looked at is what has most in it: a page that is quick there is quick elsewhere.
_EXAMPLES = {
    "participants": "select p.code from participant p join specimen s on s.participant_id = p.id "
    "group by p.id order by count(*) desc, p.id limit 1",
    "specimens": "select s.code from specimen s join custody c on c.specimen_id = s.id "
    "where c.container_id is not null and s.quantity > 0 and s.hold is null "
    "order by s.freeze_thaw_count desc, s.id limit 1",
    "storage": "select b.code from container b join custody c on c.container_id = b.id group by b.id "
    "order by count(*) desc, b.id limit 1",
    "shipments": "select s.code from shipment s join package_item i on i.shipment_id = s.id "
    "group by s.id order by count(*) desc, s.id limit 1",
    "runs": "select r.name from assay_run r join result x on x.run_id = r.id group by r.id "
    "order by count(*) desc, r.id limit 1",
    "audit": "select max(id)::text from audit_entry where kind = 'event'",
    "problems": "select 'not-found'",
    "studies": "select code from study order by id limit 1",
    "pick-lists": "select p.code from pick_list p join pick_list_line l on l.pick_list_id = p.id group by p.id "
    "order by count(*) desc, p.id limit 1",
    "withdrawals": "select c.number::text from withdrawal_case c join withdrawal_tube t on t.case_id = c.id "
    "group by c.id order by c.closed_at is null, count(*) desc, c.id limit 1",
    "disposals": "select d.number::text from disposal d join disposal_tube t on t.disposal_id = d.id group by d.id "
    "order by count(*) desc, d.id limit 1",
    "signatures": "select number::text from signature order by id desc limit 1",
    "sprec": "select code from sprec_version order by code limit 1",
    "equipment": "select s.code || '/' || e.code from equipment e join site s on s.id = e.site_id "
    "order by (select count(*) from processing_event p where p.equipment_id = e.id) desc, e.id limit 1",
    "bench": "select 'aliquot'",
    "container-types": "select t.code from container_type t join container c on c.type_id = t.id group by t.id "
    "order by count(*) desc, t.id limit 1",
    "label-ranges": "select range_id::text from range_label group by range_id order by count(*) desc, range_id limit 1",
    "print-jobs": "select number::text from print_job order by labels desc, id limit 1",
    "printers": "select s.code || '/' || p.name from printer p join site s on s.id = p.site_id "
    "order by (select count(*) from print_job j where j.printer_id = p.id) desc, p.id limit 1",
    "printer-rules": "select s.code from printer p join site s on s.id = p.site_id group by s.id "
    "order by count(*) desc, s.id limit 1",
}
# What some files are asked for.
_ASKED = {
    "/brisq/table.csv": "?participant={participants}",
    "/fitness/table.csv": "?assay={studies}/ANA-LX&tubes={specimens}",
    "/storage/{code}/past.csv": "?since=2024-01-01T00:00&until=2024-02-01T00:00",
    "/space/reservations/new": "?container={storage}",
}
# What stands for a word of an address that is no example of its noun.
_SECOND = {
    "plate": "1",
    "well": "C4",
    "kind": "pdf",
    "{study}/consent-forms/{version}": "{study}/consent-forms/2.0",
    "{site}/{printer}": "{printer}",
    "{study}/{signature}": "{signature}",
}
# Addresses that name more than one thing of their noun, or another one than they begin with.
_WHOLE = {
    "/participants/{participant}/visits/{visit}/{number}": "/participants/{visit_day}",
    "/storage/{code}/rack-scans/{number}": "/storage/{rack_scan}",
    "/space/reservations/{reservation}": "/space/reservations/{reservation}",
    "/label-stocks/{label_stock}/versions/{number}/file": "/label-stocks/{label-stocks}/versions/1/file",
    "/label-templates/{template}/versions/{number}/file": "/label-templates/{label-templates}/versions/1/file",
}
# Lists in the ways in which people narrow them, and what is scanned into the finder.
_NARROWED = (
    "/participants?site=CHI",
    "/participants?cohort=ALN&status=followed",
    "/specimens?site=CHI",
    "/specimens?type=SER",
    "/specimens?quality=quarantined",
    "/specimens?existence=lost",
    "/specimens?hold=consent_withdrawn",
    "/specimens?participant={participants}",
    "/shipments?status=reconciled",
    "/runs?status=released",
    "/audit?verb=tubes.collected",
    "/audit?user=coordinator",
    "/storage/{freezer}",
    "/storage/{facility}",
    "/labels?codes={specimens}",
    "/scan?mode=store&box={storage}",
    "/results?participant={participants}",
)
_PLACES = {
    "visit_day": "select p.code || '/visits/' || t.code || '/' || v.number from visit v "
    "join participant p on p.id = v.participant_id join visit_type t on t.id = v.visit_type_id "
    "where v.status = 'done' order by (select count(*) from specimen s where s.participant_id = p.id) desc, v.id "
    "limit 1",
    "spare": "select b.code from container b join custody c on c.container_id = b.id join site s on s.id = b.site_id "
    f"where s.code = '{CENTRAL.code}' group by b.id order by count(*), b.id limit 1",
    "freezer": "select c.code from container c join container_type t on t.id = c.type_id where t.level = 'freezer' "
    "order by c.id limit 1",
    "facility": "select c.code from container c join container_type t on t.id = c.type_id where t.level = 'facility' "
    "order by c.id limit 1",
}


@dataclass(frozen=True)
class Page:
    """A page at an address, which is empty where the study has no example; `permission` is what its reader needs."""

    name: str
    address: str
    permission: str

    def has_any(self, words: Sequence[str]) -> bool:
        return not words or any(word in self.address or word in self.name for word in words)


@dataclass(frozen=True)
class Study:
    """A filled database that is served: its address, and an API token for each role."""

    dsn: str
    port: int
    tokens: dict[str, str]


def measure(participants: int, only: Sequence[str] = ()) -> Report:
    """Milliseconds of every page, p50 and p95 of 20 requests one after the other, from the first byte sent to the last
    received; with `only`, of the pages that have one of these in their address or name.
    """
    report = Report("pages")
    with _study(participants) as made:
        measure_study(report, made, only)
    report.figures["participants"] = participants
    return report


def measure_study(report: Report, made: Study, only: Sequence[str] = ()) -> None:
    codes, tubes = asyncio.run(_codes(made.dsn))
    codes |= examples.begin(made.port, made.tokens, codes["storage"], tubes, codes["spare"])
    floor = _times(made.port, "/health/constant", next(iter(made.tokens.values())))
    report.floors = {"constant_p50_ms": floor.p50, "constant_p95_ms": floor.p95}
    pages = [page for page in _pages(made.dsn, codes) if page.has_any(only)]
    report.failures += [f"{page.name}: not measured, for want of an example" for page in pages if not page.address]
    pages = [page for page in pages if page.address]
    unseen = {page.name for page in pages}
    worst = 0.0
    for role, token in made.tokens.items():
        mine = [page for page in pages if page.permission in {*ROLES[role], "self", "public"}]
        for page in mine:
            took = _times(made.port, page.address, token)
            if took.status == http.client.NOT_FOUND:
                continue  # of another site
            unseen.discard(page.name)
            name = f"{role} {page.name}"
            if took.status >= http.client.BAD_REQUEST:
                report.failures.append(f"{name}: {page.address} answered {took.status}")
                continue
            report.figures |= {f"{name} p50_ms": took.p50, f"{name} p95_ms": took.p95}
            if took.is_page:
                worst = max(worst, took.p95)
                if took.p95 > TARGET_MS:
                    report.at_most(f"{name} p95_ms", took.p95, TARGET_MS)
        say(f"  {role}: {len(mine)} pages")
    report.failures += [f"{name}: no role found it" for name in sorted(unseen)]
    report.at_most("slowest page p95_ms", worst, TARGET_MS)
    report.ratios = {"slowest page to constant": round(worst / floor.p95, 1)}


@dataclass(frozen=True)
class Times:
    p50: float
    p95: float
    status: int
    is_page: bool


def _times(port: int, address: str, token: str) -> Times:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    took: list[float] = []
    status, kind = 0, ""
    for _ in range(ROUNDS + _WARM):
        began = time.perf_counter()
        connection.request("GET", address, headers={"Authorization": f"Bearer {token}", "Accept": "text/html"})
        answer = connection.getresponse()
        answer.read()
        took.append((time.perf_counter() - began) * 1000)
        status, kind = answer.status, answer.headers.get("content-type", "")
    connection.close()
    took = sorted(took[_WARM:])
    return Times(
        round(took[len(took) // 2], 2), round(took[int(len(took) * 0.95) - 1], 2), status, kind.startswith("text/html")
    )


async def _codes(dsn: str) -> tuple[dict[str, str], list[str]]:
    """The examples by their names, and some tubes of the box that is one."""
    connection = await asyncpg.connect(dsn)
    try:
        codes = {name: await connection.fetchval(query) for name, query in (_EXAMPLES | _PLACES).items()}
        tubes = await connection.fetch(
            "select s.code from specimen s join custody c on c.specimen_id = s.id "
            "join container b on b.id = c.container_id where b.code = $1 order by c.row, c.col limit 3",
            codes["storage"],
        )
        return codes, [row["code"] for row in tubes]
    finally:
        await connection.close()


def _pages(dsn: str, codes: dict[str, str]) -> Iterator[Page]:
    """Every page that the service has, with an example where its address names one thing, and narrowed lists."""
    app = create_app(Settings(), dsn, "0" * 64)
    permissions: dict[str, str] = {}
    for path, permission in _routes(app):
        noun = path.split("/")[1]
        named = _WHOLE[path].format_map(codes) if path in _WHOLE else path.replace("{site}/{code}", "{code}")
        for words, instead in _SECOND.items():
            named = named.replace(words if "{" in words else f"{{{words}}}", instead)
        for word in re.findall(r"\{(\w+)\}", named):
            named = named.replace(f"{{{word}}}", codes.get(noun) or "")
        permissions[path] = permission
        has_example = ("//" not in named and not named.endswith("/")) or path == "/"
        yield Page(path, named + _ASKED.get(path, "").format_map(codes) if has_example else "", permission)
    yield Page("/find?q", f"/find?q={codes['specimens']}", "self")
    for each in _NARROWED:
        base = each.partition("?")[0]
        permission = permissions.get(base) or permissions[re.sub(r"\{\w+\}", "{code}", base)]
        yield Page(each, each.format_map(codes), permission)


def _routes(app: Litestar) -> list[tuple[str, str]]:
    found = {}
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            methods: Any = getattr(handler, "http_methods", ())
            if "GET" in methods and not route.path_format.startswith(("/api", "/static", "/metrics", "/health")):
                found[route.path_format] = str(handler.opt.get("permission"))
    return sorted(found.items())


@contextmanager
def _study(participants: int) -> Iterator[Study]:
    """A study of made-up participants in a folder of its own, which is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="biobank-bench-"))
    try:
        with embedded.start(folder / "data", options=EMBEDDED) as server:
            server.create_database("bench")
            dsn = server.url("bench")
            asyncio.run(migrate.upgrade(dsn, role=ROLE))
            asyncio.run(_fill(dsn, participants))
            tokens = asyncio.run(tokens_of(dsn))
            with served(dsn, folder) as (port, _):
                yield Study(dsn, port, tokens)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _fill(dsn: str, participants: int) -> None:
    async with Database.open(dsn, role=ROLE, size=4) as database:
        await fill(database, participants=participants, password=_PASSWORD, progress=(progress := ProgressBar()))
    await settle(dsn, progress)


async def tokens_of(dsn: str) -> dict[str, str]:
    """An API token for the demo's login of each role."""
    async with Database.open(dsn, role=ROLE, size=2) as database, open_tx(database, SERVICE) as tx:
        spec = access.CreateToken(name="bench", days=1)
        return {role: (await access.create_token(tx, username, spec)).token for username, role, *_ in DEMO_USERS}
