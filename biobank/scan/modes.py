"""The modes of the station, in one table: who may work in each, and what a scan does in it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from biobank.actor import Permission
from biobank.scan import finding, labels, marking, parcels, placing
from biobank.scan.answers import Answer, StationScan
from biobank.scan.queries import CodeView
from biobank.tx import Tx


@dataclass(frozen=True, slots=True)
class Mode:
    """What a scan does in a mode, and the permission that it needs. With `tubes` only a tube's own, active label is
    taken. A scanned box becomes the one in front of the person, unless the mode does something with `boxes`; `refused`
    says what to somebody who may not.
    """

    permission: Permission
    deed: Callable[[Tx, StationScan, CodeView], Awaitable[Answer]]
    refused: str = ""
    tubes: bool = False
    boxes: bool = False


MODES: Mapping[str, Mode] = {
    "find": Mode(Permission.SPECIMEN_READ, finding.find),
    "store": Mode(Permission.STORAGE_STORE, placing.store, "storing tubes", tubes=True),
    "move": Mode(Permission.STORAGE_STORE, placing.store, "moving tubes", tubes=True),
    "check_out": Mode(Permission.STORAGE_STORE, placing.check_out, "taking tubes out", tubes=True),
    "return": Mode(Permission.STORAGE_STORE, placing.give_back, "storing tubes", tubes=True),
    "aliquot": Mode(Permission.SPECIMEN_PROCESS, marking.aliquot, "dividing tubes"),
    "discard": Mode(Permission.SPECIMEN_READ, marking.discard),
    "verify": Mode(Permission.LABEL_PRINT, marking.verify, "checking labels"),
    "remap": Mode(Permission.STORAGE_STORE, finding.find, "moving tubes"),
    "pack": Mode(Permission.SHIPMENT_PACK, parcels.pack, "packing shipments"),
    "receive": Mode(Permission.SHIPMENT_RECEIVE, parcels.receive, "receiving shipments"),
    "quantity": Mode(Permission.SPECIMEN_PROCESS, marking.measure, "measuring tubes"),
    "print": Mode(Permission.LABEL_PRINT, labels.print_label, "printing labels", boxes=True),
}
