"""A label by scan: of the tube or place that is scanned, at the printer at hand or at the one that the rules choose."""

from biobank import ids
from biobank.accession.bench import attempt
from biobank.printer.rules import NoPrinterChosen
from biobank.printing.ordering import OrderLabels, order_labels
from biobank.printing.rules import ReprintNeedsReason
from biobank.scan import rules
from biobank.scan.answers import Answer, StationScan, described
from biobank.scan.queries import CodeView
from biobank.tx import Tx


async def print_label(tx: Tx, command: StationScan, found: CodeView) -> Answer:
    """Order one label. A further copy wants its reason, and each reason is for one label."""
    reason = next((one.key for one in rules.REASONS if one.mode == "print" and one.words == command.reason), None)
    shown = {
        "code": found.code,
        "title": described(found.tube) if found.tube else found.name,
        "href": found.href,
        "mode": command.mode,
    }
    deed = OrderLabels(codes=(found.replaced_by or found.code,), printer=command.context, reason=reason)
    try:
        job = await attempt(tx, lambda: order_labels(tx, deed))
    except ReprintNeedsReason:
        why = ", ".join(one.words for one in rules.REASONS if one.mode == "print")
        return Answer(
            verdict="warning",
            word="Printed before",
            message=f"Nothing was printed. Scan why there is another ({why}), then {ids.grouped(found.code)} again.",
            **shown,
        )
    except NoPrinterChosen:
        return Answer(
            verdict="warning",
            word="Which printer?",
            message="Nothing was printed: no rule chooses one for this label. Scan the code of a printer, then this "
            "again.",
            **shown,
        )
    (label,) = job.labels
    copy = f", copy {label.copy_no}" if label.copy_no > 1 else ""
    waits = f" {job.what_to_do}" if job.what_to_do else ""
    return Answer(
        verdict="ok",
        word="Ordered",
        message=f"At {job.printer}, {job.site}{copy}.{waits} Stick it on and verify it by a scan.",
        final=True,
        reason="",
        **shown,
    )
