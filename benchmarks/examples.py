"""What the demonstration study has finished or never begun, begun through the API, so that its pages have an example:
a protocol draft, a reservation of space, a rack scan that is open, a label stock, a label template and what the columns
of a wide table mean.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from biobank.demo.plan import CENTRAL, STUDY
from labels import STOCKS, stock_to_data

STOCK, TEMPLATE = "bench-sheet", "bench-vial"

_WIDE = {
    "shape": "wide",
    "delimiter": ";",
    "decimal": ",",
    "header_line": 1,
    "columns": [
        {"name": "Well", "meaning": "well"},
        {"name": "Sample", "meaning": "sample"},
        *({"name": f"Antigen {number}", "meaning": "value", "unit": "U/mL"} for number in range(1, 97)),
    ],
}
"""As wide as a panel on an array."""


def begin(port: int, tokens: dict[str, str], box: str, tubes: list[str], spare: str) -> dict[str, str]:
    """Begin one of each; `box` is filled, `tubes` are some of its tubes, `spare` has free positions. Answers what an
    address needs, by the name of the example.

    Raises:
        httpx.HTTPStatusError: one of them was refused.
    """

    def post(role: str, path: str, **sent: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {tokens[role]}", "Idempotency-Key": str(uuid4())}
        answer = httpx.post(f"http://127.0.0.1:{port}/api/v1{path}", headers=headers, timeout=60, **sent)
        answer.raise_for_status()
        made: dict[str, Any] = answer.json()
        return made

    post("manager", f"/studies/{STUDY}/protocol/draft", json={})
    content = {key: value for key, value in stock_to_data(STOCKS["l4731"]).items() if key != "name"}
    post("manager", "/label-stocks", json={"name": STOCK, "study": STUDY, "content": content})
    like = {"name": TEMPLATE, "study": STUDY, "kind": "tube", "like": "tube"}
    post("manager", "/label-templates", json=like)
    kept = {
        "name": "Tube of next week",
        "site": CENTRAL.code,
        "expires_at": (datetime.now(UTC) + timedelta(days=7)).isoformat(),
        "places": [{"container": spare, "count": 1}],
    }
    reservation = post("technician", "/space/reservations", json=kept)
    lines = ["Well,2D Barcode", *(f"A{number},{tube}" for number, tube in enumerate(tubes, start=1))]
    file = {"file": ("scan.csv", "\n".join(lines).encode())}
    scan = post("technician", f"/containers/{box}/rack-scans", files=file)
    said = post("technician", "/column-mappings", json={"study": STUDY, "mapping": _WIDE})
    return {
        "column-mappings": f"{STUDY}/{said['signature']}",
        "label-stocks": STOCK,
        "label-templates": TEMPLATE,
        "reservation": reservation["number"],
        "rack_scan": f"{box}/rack-scans/{scan['number']}",
    }
