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
    CommandCode("print", "CPRTCPRTCN", "Print: at a bench, the labels of the tubes at hand"),
    CommandCode("find", "CFNDCFNDC9", "Look up: say what a code is"),
    CommandCode("store", "CPUTCPUTCM", "Store: scan a box, then its tubes in order"),
)
"""Fixed for ever: they are printed on the benches."""

BY_CODE: Mapping[str, CommandCode] = {command.code: command for command in COMMANDS}
