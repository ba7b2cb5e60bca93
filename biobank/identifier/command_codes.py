"""The codes that are printed on the benches and do something instead of naming something."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommandCode:
    """A code that is printed on the bench and does something instead of naming something."""

    verb: str
    code: str
    title: str


COMMANDS = (
    CommandCode("ack", "CACKCACKAP", "Acknowledge: a STOP was seen, or a question is answered with no"),
    CommandCode("confirm", "CCNFRMCNFP", "Confirm: move it here, start, stop, make the vials"),
    CommandCode("undo", "CUNDUCUNDK", "Undo: the last placement of a station, or what a bench did last"),
    CommandCode("next", "CNXTCNXTCA", "Next: put this visit or parent aside and begin with another"),
    CommandCode(
        "print", "CPRTCPRTCN", "Print: labels of the tubes at hand at a bench, of what is scanned at the station"
    ),
    CommandCode("find", "CFNDCFNDC9", "Look up: say what a code is"),
    CommandCode("store", "CPUTCPUTCM", "Store: scan a box, then its tubes in order"),
    CommandCode("move", "CMVECMVECK", "Move: scan a box, then tubes that leave their places for it; nothing is asked"),
    CommandCode("check_out", "CTKECTKECJ", "Check out: take tubes out of their boxes into your hands"),
    CommandCode("return", "CRTNCRTNCM", "Return: tubes in hand go back where they came from, or into a scanned box"),
    CommandCode("aliquot", "CALQCALQCH", "Aliquot: scan a parent, and go on at the aliquot bench"),
    CommandCode("discard", "CDCDCDCDCE", "Discard: scan a tube, and go on at its disposal list"),
    CommandCode("verify", "CVFYCVFYCG", "Verify label: scan the parent, then each tube made of it"),
    CommandCode("remap", "CRMPCRMPXJ", "Re-map box: scan a box, its tubes in their new order, NEXT for a gap; confirm"),
    CommandCode("pack", "CPCKCPCKCB", "Pack: scan a package, then the tubes that go into it"),
    CommandCode("receive", "CRCVCRCVCE", "Receive: scan a package or shipment, then each tube that came"),
    CommandCode("quantity", "CQTYCQTYCR", "Quantity: scan a tube, then type or scan what it holds"),
    CommandCode("undo_box", "CUBXCUBXCC", "Undo this box: take back all that this station put into the box"),
    CommandCode("train", "CTRNCTRNC9", "Training: on or off; while it is on, scans change nothing"),
)
"""Fixed for ever: they are printed on the benches."""

BY_CODE: Mapping[str, CommandCode] = {command.code: command for command in COMMANDS}

BENCH_VERBS = frozenset({"ack", "confirm", "undo", "next", "print"})
"""What a bench understands; the other codes are the scan station's."""
