"""What a ZPL printer answers to `~HS`, read by its published layout: three lines of fields between STX and ETX.

Source: Zebra, Programming Guide for ZPL II, "Host Status Return".
"""

import re
from dataclasses import dataclass

STX, ETX = b"\x02", b"\x03"
LINES = 3
_FRAME = re.compile(rb"\x02([^\x02\x03]*)\x03")
_FIELDS = (12, 11, 2)
"""How many fields each line has at least; newer printers may append some."""


class UnreadableStatus(ValueError):
    """The answer is no host status; the message says why."""


@dataclass(frozen=True, slots=True)
class HostStatus:
    """The flags of a host status that say whether labels come out. `waiting` are formats received and not yet printed;
    `remaining` are labels of the present batch.
    """

    paper_out: bool = False
    paused: bool = False
    waiting: int = 0
    buffer_full: bool = False
    partial_format: bool = False
    corrupt_memory: bool = False
    under_temperature: bool = False
    over_temperature: bool = False
    head_open: bool = False
    ribbon_out: bool = False
    remaining: int = 0

    @property
    def condition(self) -> str:
        """The one word for people: what has to be put right first. An open head comes first, since an open printer
        often reports that its paper and ribbon are out as well.
        """
        if self.head_open:
            return "head_open"
        if self.paper_out:
            return "out_of_labels"
        if self.ribbon_out:
            return "out_of_ribbon"
        if self.paused:
            return "paused"
        if self.corrupt_memory or self.under_temperature or self.over_temperature or self.buffer_full:
            return "busy"
        return "ready"

    @property
    def is_idle(self) -> bool:
        """Nothing that was sent is still to be printed."""
        return not (self.waiting or self.remaining or self.partial_format)


def whole(answer: bytes) -> bool:
    """Whether all lines of a status have arrived."""
    return answer.count(ETX) >= LINES


def parse(answer: bytes) -> HostStatus:
    """Read the answer to `~HS`.

    Raises:
        UnreadableStatus: saying which line and field is not as published.
    """
    frames = _FRAME.findall(answer)
    if len(frames) < LINES:
        raise UnreadableStatus(f"the printer answered {len(frames)} of {LINES} lines of its status")
    lines = []
    for number, (frame, least) in enumerate(zip(frames, _FIELDS, strict=False), start=1):
        fields = frame.decode("ascii", "replace").strip().split(",")
        if len(fields) < least:
            raise UnreadableStatus(f"line {number} of the status has {len(fields)} fields instead of {least}")
        lines.append([_number(number, place, field) for place, field in enumerate(fields[:least], start=1)])
    first, second, _ = lines
    return HostStatus(
        paper_out=first[1] == 1,
        paused=first[2] == 1,
        waiting=first[4],
        buffer_full=first[5] == 1,
        partial_format=first[7] == 1,
        corrupt_memory=first[9] == 1,
        under_temperature=first[10] == 1,
        over_temperature=first[11] == 1,
        head_open=second[2] == 1,
        ribbon_out=second[3] == 1,
        remaining=second[8],
    )


def _number(line: int, place: int, field: str) -> int:
    if not field.isascii() or not field.strip().isdigit():
        raise UnreadableStatus(f"field {place} of line {line} of the status is {field[:10]!r}, not a number")
    return int(field)


def written(status: HostStatus) -> bytes:
    """The answer of a printer in this state, as the simulated printer gives it."""
    first = (
        f"030,{status.paper_out:d},{status.paused:d},0300,{status.waiting:03d},{status.buffer_full:d},0,"
        f"{status.partial_format:d},000,{status.corrupt_memory:d},{status.under_temperature:d},{status.over_temperature:d}"
    )
    second = f"001,0,{status.head_open:d},{status.ribbon_out:d},1,2,6,0,{status.remaining:08d},1,000"
    return b"".join(STX + line.encode() + ETX + b"\r\n" for line in (first, second, "1234,0"))
