"""Made-up views for the macros, and the page that shows every one of them."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from biobank.http.templating import Flash, NavItem, PageActor, page_context
from biobank.scan.rules import MODES, NEEDS, REASON_ASKED, REASONS, SELF_TEST

TUBE = "TKQ7M3X9V7"
BOX = "BB7Q2XK9T4"


@dataclass(frozen=True)
class Event:
    date: date
    kind: str
    label: str
    href: str | None = None


def box_view(
    *, rows: int = 9, cols: int = 9, occupied: int = 21, text: str = "SER", code: str = TUBE
) -> dict[str, Any]:
    labels = [chr(65 + row) for row in range(rows)]
    cells = []
    for index in range(rows * cols):
        row, col = divmod(index, cols)
        state = "full" if index < occupied else "free"
        if index == occupied - 1:
            state = "just"
        if index == occupied:
            state = "next"
        if index == 12 and occupied > 13:
            state = "hold"
        filled = state in {"full", "just", "hold"}
        cells.append(
            {
                "row": row,
                "col": col,
                "label": f"{labels[row]}{col + 1}",
                "state": state,
                "code": code if filled else None,
                "text": text if filled else "",
                "href": f"/specimens/{TUBE}" if filled else None,
            }
        )
    return {
        "code": BOX,
        "name": BOX,
        "rows": rows,
        "cols": cols,
        "row_labels": labels,
        "col_labels": [str(col + 1) for col in range(cols)],
        "cells": cells,
        "occupied": occupied,
        "capacity": rows * cols,
        "temperature_class": "-80",
        "fill": "row",
    }


def as_view(value: Any) -> Any:
    """Nested dictionaries as objects with attributes, as the slices' frozen views are."""
    if isinstance(value, dict):
        return SimpleNamespace(**{key: as_view(item) for key, item in value.items()})
    if isinstance(value, list):
        return [as_view(item) for item in value]
    return value


def plate_view(rows: int = 8, cols: int = 12, *, text: str = "P4ND") -> Any:
    roles = ("standard", "control", "blank", "unknown", "unknown", "unknown", "empty")
    wells = []
    for row in range(rows):
        for col in range(cols):
            role = roles[min(col, 2)] if col < 3 else roles[3 + (row + col) % 4]
            if role == "empty" and row % 2:
                continue  # an empty well may be left out
            wells.append(
                {
                    "row": row,
                    "col": col,
                    "label": f"{chr(65 + row)}{col + 1}",
                    "role": role,
                    "code": TUBE if role == "unknown" else None,
                    "text": text if role == "unknown" else "",
                    "href": f"/specimens/{TUBE}" if role == "unknown" else None,
                    "flag": "too few beads" if (row, col) == (2, 4) else None,
                }
            )
    return as_view(
        {
            "name": "Plate W2QM7XK9T4",
            "row_labels": [chr(65 + row) for row in range(rows)],
            "col_labels": [str(col + 1) for col in range(cols)],
            "wells": wells,
        }
    )


def lineage_nodes(title: str = "Serum 0.5 mL") -> Any:
    def node(code: str, name: str, children: list[Any], *, current: bool = False, state: str | None = None) -> Any:
        return {
            "code": code,
            "title": name,
            "href": f"/specimens/{code}",
            "state_kind": "ok",
            "state_word": state,
            "current": current,
            "children": children,
        }

    serum = node("TB4H9RWDN2", "Serum", [node(TUBE, title, [], current=True, state="Stored")], state="Used up")
    plasma = node("TX3N6QJAR8", "Plasma, double spun", [node("TR5G8VZCJ3", "Plasma 0.5 mL", [], state="Shipped")])
    return as_view([node("T2222222ZQ", "Blood, SST 8.5 mL", [serum, plasma], state="Processed")])


def events(label: str = "Baseline") -> list[Event]:
    return [
        Event(date(2024, 1, 15), "consent", "Consent v3"),
        Event(date(2024, 1, 15), "visit", label, "/visits/1"),
        Event(date(2024, 1, 15), "specimen", "37 tubes"),
        Event(date(2024, 6, 3), "result", "Anti-dsDNA 49.5"),
        Event(date(2025, 1, 20), "visit", "+1 y"),
        Event(date(2025, 1, 22), "specimen", "24 tubes"),
        Event(date(2025, 9, 9), "visit", "Flare"),
        Event(date(2026, 11, 20), "withdrawal", "Withdrawn: no further use"),
    ]


def context(page_title: str = "Scan station", **extra: Any) -> dict[str, Any]:
    return {
        **page_context(
            page_title=page_title,
            request_path="/scan",
            csrf_token="c5rf-token",
            site_tz="America/New_York",
            actor=PageActor("Ana Ruiz", "ana", ("Technician",), "Central lab"),
            nav=[
                NavItem("Scan", "/scan", current=True),
                NavItem("Storage", "/storage"),
                NavItem("Collection", "/participants"),
                NavItem("Shipments", "/shipments"),
                NavItem("Assays", "/runs"),
                NavItem("Results", "/results"),
                NavItem("Audit", "/audit"),
            ],
        ),
        **extra,
    }


def station_context(**box: Any) -> dict[str, Any]:
    return context(
        view=as_view(
            {
                "modes": [{"key": key, "title": title, "needs": NEEDS.get(key, "")} for key, title in MODES.items()],
                "mode": "store",
                "box": (view := box_view(**box)),
                "free": [cell["label"] for cell in view["cells"] if cell["state"] in {"free", "next"}],
                "user": "ana",
                "said": [(one.code, one.words) for one in REASONS],
                "asked": json.dumps(REASON_ASKED),
                "self_test": SELF_TEST,
                "commands": [
                    {"verb": "ack", "code": "CACKCACKA3", "title": "Acknowledge"},
                    {"verb": "confirm", "code": "CCNFRMCNF4", "title": "Confirm"},
                    {"verb": "undo", "code": "CUNDCUNDC5", "title": "Undo the last scan"},
                    {"verb": "find", "code": "CFNDCFNDF6", "title": "Mode: look up"},
                    {"verb": "next", "code": "CNXTCNXTCA", "title": "Next"},
                    {"verb": "train", "code": "CTRNCTRNC9", "title": "Training"},
                ],
            }
        )
    )


GALLERY = (Path(__file__).parent / "gallery.html").read_text()


def gallery_context(text: str = "Serum") -> dict[str, Any]:
    return context(
        "Participant P4ND-82KX-H3",
        flashes=[
            Flash("ok", f"Registered {text}."),
            Flash("warning", "The logger of Freezer 3 is silent since 04:10."),
        ],
        text=text,
        code=text if text != "Serum" else TUBE,
        amount=Decimal("0.500"),
        moment=datetime(2026, 11, 23, 14, 41, 7, tzinfo=UTC),
        path=as_view(
            [{"name": "Freezer 3", "href": "/c/1"}, {"name": text, "href": None}, {"name": BOX, "href": "/c/3"}]
        ),
        verdict=as_view(
            {
                "verdict": "ok",
                "word": "Stored",
                "code": TUBE,
                "title": f"{text} 0.5 mL · P4ND-82KX-H3 · Baseline · 20 of 37",
                "message": None,
                "path": [{"name": "Freezer 3", "href": "/c/1"}, {"name": BOX, "href": "/c/3"}],
                "position": "C4",
            }
        ),
        chips=as_view(
            [{"label": f"Type: {text}", "remove_href": "/r?1"}, {"label": "Visit: Baseline", "remove_href": "/r?2"}]
        ),
        columns=as_view(
            [
                {"label": "Aliquot", "sort_href": "/results?sort=code", "sorted": "ascending"},
                {"label": "Visit"},
                {"label": "Value", "numeric": True},
                {"label": "Call"},
            ]
        ),
        rows=as_view(
            [
                {"code": TUBE, "visit": text, "value": Decimal("49.5"), "kind": "warning", "call": "Positive"},
                {
                    "code": "TD7W2HNBQ6",
                    "visit": "Flare",
                    "value": Decimal("1E+2"),
                    "kind": "warning",
                    "call": "Positive",
                },
                {
                    "code": "0043542104",
                    "visit": "Baseline",
                    "value": Decimal("-0.50"),
                    "kind": "ok",
                    "call": "Negative",
                },
            ]
        ),
        box=as_view(box_view(text=text[:3], code=text if text != "Serum" else TUBE)),
        nodes=lineage_nodes(text),
        events=events(text),
        plate=plate_view(text=text[:4]),
        plate384=plate_view(16, 24),
    )
