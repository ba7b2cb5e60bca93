"""A pick list on paper: it goes along to the freezers, where no screen does."""

from datetime import datetime
from zoneinfo import ZoneInfo

from biobank import ids
from biobank.errors import Invalid
from biobank.picking.queries import LineView, PickListView
from labels import LabelError, PickLine, PickSheet, render_pick_list

NOWHERE = {"holder": "in somebody's hands", "package": "in a package", "party": "outside the house", "ended": "gone"}


def printed(view: PickListView, now: datetime) -> bytes:
    """The list as a PDF with its bar code, in freezer order.

    Raises:
        Invalid: a text of it cannot be printed.
    """
    try:
        return render_pick_list(_sheet(view, now))
    except LabelError as error:
        raise Invalid(f"Pick list {ids.grouped(view.code)} cannot be printed: {error}.") from None


def _sheet(view: PickListView, now: datetime) -> PickSheet:
    moment = now.astimezone(ZoneInfo(view.timezone)).strftime("%Y-%m-%d %H:%M %Z")
    counts = f"{view.counts.to_pick} of {view.counts.total} to be picked"
    goes = "packing" if view.destination == "packing" else "a bench"
    return PickSheet(
        code=view.code,
        particulars=(
            ("For", view.purpose),
            ("Goes to", goes),
            ("Study, site", f"{view.study}, {view.site}"),
            ("Tubes", counts),
        ),
        lines=tuple(_line(line) for line in view.lines),
        printed=f"As it stood {moment}. Scan the bar code to open the list.",
    )


def _line(line: LineView) -> PickLine:
    spot = line.at or line.came_from
    return PickLine(
        tube=line.tube,
        place=" / ".join(place.name for place in spot.path) if spot else NOWHERE.get(line.place, ""),
        position=spot.position if spot else "",
        material=line.type_title,
        holds=f"{line.quantity:f} {line.unit}",
        state="" if line.status == "to_pick" else line.status.replace("_", " "),
    )
