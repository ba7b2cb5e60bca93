"""Rules of printers and print jobs: which printer is chosen and why, what may be changed, what a state tells a
person.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from biobank.errors import Conflict, DomainError, Invalid, Stale

KINDS: Mapping[str, str] = {
    "zpl_tcp": "ZPL over the network",
    "pull": "ZPL by a print agent",
    "download": "File to download",
}
LABEL_KINDS: Mapping[str, str] = {
    "tube": "Tubes",
    "box": "Boxes",
    "rack": "Racks",
    "place": "Freezers and shelves",
    "shipment": "Shipments",
    "kit": "Kits",
    "command": "Command cards",
}
KIND_OF_CODE: Mapping[str, str] = {
    "T": "tube",
    "B": "box",
    "R": "rack",
    "L": "place",
    "X": "shipment",
    "K": "kit",
    "C": "command",
}
PER_SITE = 200
"""Rules of one site: more than that nobody oversees."""

TROUBLES: Mapping[str, tuple[str, str]] = {
    "unreachable": (
        "does not answer",
        "Switch the printer on, and look whether its network cable and address are right.",
    ),
    "out_of_labels": (
        "is out of labels",
        "Put in a new roll of the stock that this job is for, and close the printer.",
    ),
    "out_of_ribbon": ("is out of ribbon", "Put in a new ribbon."),
    "head_open": ("is open", "Close the print head."),
    "paused": ("is paused at the printer", "Press Pause on the printer."),
    "busy": ("is not ready", "Wait a little; if it stays so, switch the printer off and on."),
    "unreadable": ("gives answers that are no ZPL status", "Check that the address is that of a ZPL printer."),
    "held": ("is paused here", "A manager pauses and resumes printers on the page of the printer."),
    "inactive": ("is out of use", "Cancel the job and print on another printer."),
    "no_agent": ("waits for its print agent", "Look whether the print agent runs at the site."),
    "interrupted": (
        "was being sent to when the service or the agent stopped",
        "Look at the printer: say whether all labels came out, or print them again.",
    ),
    "cut_off": (
        "closed the connection in the middle",
        "Look at the printer: say whether all labels came out, or print them again.",
    ),
    "no_answer": (
        "did not say that it was done",
        "Look at the printer: say whether all labels came out, or print them again.",
    ),
    "not_printed": ("did not print them", "Nothing: they were printed again, or are not needed."),
    "unprintable": ("cannot print these labels", "Print them on another stock, or with another template."),
}
"""By trouble: what the printer does, and what a person is to do."""

STATES: Mapping[str, tuple[str, str]] = {
    "queued": ("pending", "waiting"),
    "sent": ("info", "sent"),
    "acknowledged": ("ok", "printed"),
    "verified": ("ok", "verified"),
    "unknown": ("warning", "unknown"),
    "failed": ("stop", "failed"),
    "cancelled": ("muted", "cancelled"),
}
"""By state of a job: icon and word."""

OPEN = ("queued", "sent", "unknown")
"""The states in which somebody or something has still to do with a job."""


class PrinterExists(Conflict):
    code = "printer-exists"
    title = "The site has a printer of this name"


class PrinterChanged(Stale):
    code = "printer-changed"
    title = "Somebody else changed this printer"


class PrinterNotUsable(Conflict):
    code = "printer-not-usable"
    title = "This printer is out of use"


class NoPrinterChosen(Conflict):
    code = "no-printer-chosen"
    title = "No rule chooses a printer"


class PrintJobState(Conflict):
    code = "print-job-state"
    title = "The print job is in another state"


class RulesChanged(Conflict):
    code = "printer-rules-changed"
    title = "Somebody else changed the rules at this moment"


class PrintClaimLost(Conflict):
    code = "print-claim-lost"
    title = "The job is no longer this agent's"


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "uq_printer_name": lambda: PrinterExists("The site has a printer of this name already: choose another name."),
    "uq_printer_rule_position": lambda: RulesChanged(
        "Somebody else changed the rules of this site at this moment: look at them again."
    ),
    "ck_print_job_follows_its_states": lambda: PrintJobState(
        "The print job changed meanwhile and cannot take this step any more: look at its page."
    ),
    "uq_print_job_one_at_a_printer": lambda: PrintJobState(
        "The printer is busy with another job: one job at a time is sent to a printer."
    ),
}


def check_version(name: str, seen: int, current: int) -> None:
    """Raises:
    PrinterChanged: the printer was changed since it was seen.
    """
    if seen != current:
        raise PrinterChanged(f"Somebody else changed printer {name} meanwhile: look at it again.", printer=name)


def check_stock(kind: str, dpi: int, stock_dpi: int | None) -> None:
    """`stock_dpi` is that of a roll; None where the stock is a sheet.

    Raises:
        Invalid: labels that such a printer does not take.
    """
    if kind != "download" and stock_dpi is None:
        raise Invalid(
            "A ZPL printer takes labels on a roll: choose a roll.",
            errors={"stock": "is a sheet, and ZPL printers take rolls"},
        )
    if stock_dpi is not None and stock_dpi != dpi:
        raise Invalid(
            f"The stock is laid out for {stock_dpi} dpi and the printer has {dpi}: choose one of its resolution.",
            errors={"stock": f"is laid out for {stock_dpi} dpi"},
        )


def check_address(kind: str, host: str | None, port: int | None) -> None:
    """Raises:
    Invalid: an address is missing, or given where there is none.
    """
    if kind == "download" and (host is not None or port is not None):
        raise Invalid("A download has no address.", errors={"host": "is not needed for a download"})
    if kind != "download" and (host is None or port is None):
        missing = "host" if host is None else "port"
        raise Invalid("Say at which address and port the printer is.", errors={missing: "is missing"})


def check_usable(name: str, *, is_active: bool) -> None:
    """Raises:
    PrinterNotUsable: the printer is out of use.
    """
    if not is_active:
        raise PrinterNotUsable(f"Printer {name} is out of use: choose another.", printer=name)


def check_move(before: str, printer: str, *, same_site: bool, same: bool) -> None:
    """Raises:
    Invalid: a job stays at its site, and is moved to another printer.
    """
    if same:
        raise Invalid(
            f"The job waits for {printer} already: choose another.", errors={"printer": "has the job already"}
        )
    if not same_site:
        raise Invalid(
            f"Printer {printer} is at another site than {before}: cancel the job, and print its labels there.",
            errors={"printer": "is at another site"},
        )


def check_other_stock(printer: str, *, counted: bool) -> None:
    """Raises:
    Invalid: labels of a range are on record with the stock that they were printed on; a test label tries one.
    """
    if not counted:
        raise Invalid(
            f"Printer {printer} has other labels in it: pre-printed labels and tests stay on theirs. Cancel the job, "
            "and print it there anew.",
            errors={"printer": "has labels of another stock"},
        )


def check_step(status: str, allowed: Sequence[str], deed: str) -> None:
    """Raises:
    PrintJobState: the job is in none of the states from which this deed is done.
    """
    if status not in allowed:
        word = STATES[status][1]
        raise PrintJobState(f"The print job is {word}: it cannot be {deed}.", status=status)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it is matched. None fits everything."""

    site: str
    position: int
    user: str | None
    workstation: str | None
    label_kind: str | None
    printer: str
    is_usable: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """For whom and what a printer is sought. Who works at `several` sites and says not at which gets no printer of one
    of them by a rule that is for everybody there: labels would come out where nobody waits for them.
    """

    user: str
    workstation: str | None
    label_kind: str | None
    several: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """A rule and why it does or does not win."""

    rule: Rule
    wins: bool
    why: str


def judge(rules: Sequence[Rule], wanted: Wanted) -> tuple[Judged, ...]:
    """Every rule in order with why it wins or not. The first that fits wins."""
    judged: list[Judged] = []
    won: Rule | None = None
    for rule in rules:
        against = _against(rule, wanted)
        if against is not None:
            judged.append(Judged(rule, False, against))
        elif won is not None:
            judged.append(Judged(rule, False, f"fits, but rule {won.position} of {won.site} comes first"))
        else:
            won = rule
            judged.append(Judged(rule, True, _for(rule)))
    return tuple(judged)


def _against(rule: Rule, wanted: Wanted) -> str | None:
    if not rule.is_usable:
        return f"printer {rule.printer} is out of use"
    if wanted.several and rule.user is None and rule.workstation is None:
        return f"is for everybody at {rule.site}, and you work at several sites"
    if rule.user is not None and rule.user != wanted.user:
        return f"is for {rule.user}"
    if rule.workstation is not None and (wanted.workstation or "").casefold() != rule.workstation.casefold():
        return f"is for workstation {rule.workstation}"
    if rule.label_kind is not None and rule.label_kind != wanted.label_kind:
        return f"is for labels of {LABEL_KINDS[rule.label_kind].lower()}"
    return None


def _for(rule: Rule) -> str:
    named = [
        *([f"user {rule.user}"] if rule.user else []),
        *([f"workstation {rule.workstation}"] if rule.workstation else []),
        *([f"labels of {LABEL_KINDS[rule.label_kind].lower()}"] if rule.label_kind else []),
    ]
    return f"is the first that fits: {', '.join(named)}" if named else "is the first that fits: it is for everything"


def what_to_do(status: str, trouble: str | None, transport: str) -> str:
    """What a person is to do about a job in this state; empty where nothing is to be done."""
    if status == "queued" and transport == "download":
        return "Download the file and print it."
    if status == "sent" and transport == "download":
        return "Print the file, then say that the labels came out, or scan them after sticking them on."
    if status == "unknown":
        return TROUBLES["interrupted"][1]
    if trouble is not None and status in ("queued", "sent", "failed"):
        return TROUBLES[trouble][1]
    if status == "acknowledged":
        return "Stick the labels on and scan each: only that proves them."
    return ""


def trouble_words(trouble: str | None) -> str:
    """What is wrong with the printer, as the end of a sentence that begins with its name; empty where nothing is."""
    return "" if trouble is None else TROUBLES[trouble][0]


def age_words(since: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that is not zero."""
    minutes = max(0, int((now - since).total_seconds() // 60))
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days ago"


def recopied(tokens: Mapping[str, str], before: int, copy_no: int) -> dict[str, str]:
    """What a further copy says: the same, with its number at the end of the first line instead of that of the copy
    before, and as the token of the copy.
    """
    first = tokens.get("line1", "")
    if before > 1:
        first = first.removesuffix(f" R{before}")
    return {**tokens, "line1": f"{first} R{copy_no}".strip(), "copy": f"R{copy_no}"}
