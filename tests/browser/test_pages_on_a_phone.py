"""Every kind of page at the width of a phone, as the roles that use it see it: nothing pushes the page sideways, the
browser complains about nothing, and the page stands there at once.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.browser.conftest import Sit
from tests.browser.desk import SIZES, Desk
from tests.thread.samples import real_file
from tests.thread.test_thread_api import aliquoted, assayed, enrolled, freezer_box, received, shipped, stored_by_scan

pytestmark = pytest.mark.browser

PAINTED_WITHIN = 3000  # milliseconds, with the service, the database and the browser on two busy cores
HEAVIEST = 400_000  # bytes of a page with all it loads, unpacked

MEASURE = """async () => {
    const painted = await new Promise((resolve) => {
        const name = "first-contentful-paint";
        new PerformanceObserver((list) => list.getEntriesByName(name).forEach((entry) => resolve(entry.startTime)))
            .observe({ type: "paint", buffered: true });
        setTimeout(() => resolve(null), 5000);
    });
    const wide = document.documentElement.clientWidth;
    const scrolls = ".table-wrap, .map-scroll, .timeline-scroll, .visually-hidden, pre";
    const clipped = (item) => item.parentElement.closest(scrolls);
    const fields = "main input:not([type=hidden]), main select, main textarea:not([hidden])";
    const named = (item) => `${item.localName}.${item.className} ${item.textContent.trim().slice(0, 40)}`;
    return {
        width: document.documentElement.scrollWidth,
        inner: window.innerWidth,
        beyond: [...document.querySelectorAll("main *")]
            .filter((item) => item.getBoundingClientRect().right > wide + 1 && !clipped(item)).map(named).slice(0, 5),
        painted,
        bytes: ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
            .reduce((sum, entry) => sum + entry.decodedBodySize, 0),
        heading: document.querySelectorAll("h1").length,
        unnamed: [...document.querySelectorAll(fields)]
            .filter((item) => !item.labels.length && !item.ariaLabel).map((item) => item.name),
    };
}"""


async def look(desk: Desk, path: str) -> list[str]:
    """What is wrong with a page at this width, in words."""
    await desk.open(path)
    seen: dict[str, Any] = await desk.page.evaluate(MEASURE)
    wrong = []
    if seen["width"] > seen["inner"] or seen["inner"] != SIZES["phone"][0]:
        wrong.append(f"is {seen['width']} wide")
    if seen["beyond"]:
        wrong.append(f"has parts beyond the edge: {seen['beyond']}")
    if seen["unnamed"]:
        wrong.append(f"has fields without a label: {seen['unnamed']}")
    if seen["painted"] is None or seen["painted"] > PAINTED_WITHIN:
        wrong.append(f"was painted after {seen['painted']} ms")
    if seen["bytes"] > HEAVIEST:
        wrong.append(f"weighs {seen['bytes']} bytes")
    if seen["heading"] != 1:
        wrong.append(f"has {seen['heading']} headings")
    return [f"{desk.username} {path} {what}" for what in wrong]


async def test_every_page_fits_a_phone(api: Any, sit: Sit) -> None:
    content, _ = real_file()
    day = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    person = await enrolled(api, day)
    tubes = await aliquoted(api, person) + (await aliquoted(api, await enrolled(api, day)))[:1]
    box = await freezer_box(api, "CHI")
    await stored_by_scan(api, box, tubes)
    parcel = await shipped(api, tubes)
    draft = await api("clerk_chi").ok(
        "/shipments", {"study": "LLS", "from_site": "CHI", "to_site": "LAB", "purpose": "A second parcel"}
    )
    waiting = f"/shipments/{draft['code']}"
    desk = await sit("clerk_lab", "phone")
    wrong = await look(desk, "/")
    await received(api, parcel, tubes)
    run = await assayed(api, tubes, content)
    planned = {"study": "LLS", "site": "LAB", "assay": "ALBIA", "name": "a-run-with-a-rather-long-name-2026-11-23"}
    open_run = (await api("technician").ok("/runs", planned))["code"]

    participant, tube, named = f"/participants/{person}", f"/specimens/{tubes[0]}", f"/runs/{run}"
    pages = {
        "coordinator": ["/", "/participants/new", participant, f"{participant}/consent", f"{participant}/visit"],
        "technician_chi": [
            *("/", "/scan", f"/scan?mode=store&box={box}", "/scan/commands", "/participants", participant),
            *(f"{participant}/collect", "/specimens", tube, f"/specimens/made?codes={tubes[0]}", "/storage"),
            *(f"/storage/{box}", f"/specimens/process?codes={tubes[0]}", f"/labels?codes={tubes[0]}"),
        ],
        "clerk_chi": ["/", "/shipments", "/shipments/new", "/shipments/parties", waiting, f"/shipments/{parcel}"],
        "technician": ["/", "/runs", f"/runs/{open_run}", named, f"{named}/wells/1/A1", "/assays", f"{tube}/aliquot"],
        "reviewer": ["/", "/runs?status=parsed", named],
        "scientist": ["/", "/results", f"/results?participant={person}", participant],
        "manager": ["/", "/storage", f"/storage/{box}", "/assays", f"{participant}/withdrawal?level=no_further_use"],
        "auditor": ["/", "/audit", tube],
        "administrator": ["/"],
    }
    for username, paths in pages.items():
        desk = await sit(username, "phone")
        for path in paths:
            wrong += await look(desk, path)
    assert "\n".join(wrong) == ""
