"""A damaged or lost label is replaced by another code of the same tube. The tube stays what it is."""

from typing import Literal

from sqlalchemy import select, update

from biobank.actor import Permission
from biobank.identifier.models import HOUSE, Identifier
from biobank.ids import grouped
from biobank.specimen import queries, rules
from biobank.specimen.queries import SpecimenView
from biobank.specimen.work import Command, Label, codes_for
from biobank.tx import Tx


class ReplaceLabel(Command):
    """Why the label that the tube has is no good, or that it never was printed. `label` is a pre-printed one that is
    stuck on now; without one a fresh code is minted, to be printed.
    """

    reason: Literal["damaged", "lost", "not_printed"]
    label: Label = None


_STATUS = {"damaged": "damaged", "lost": "superseded", "not_printed": "superseded"}
_WORDS = {"damaged": "is damaged", "lost": "is lost", "not_printed": "was never printed"}


async def replace_label(tx: Tx, text: str, command: ReplaceLabel) -> SpecimenView:
    """Give a tube another code. Both lead to it for ever; the old one says that it was replaced.

    Raises:
        NotFound: no such tube within reach.
        TubeNotUsable: its record has ended.
        UnknownLabel, LabelNotIssued, LabelOfAnotherSite, LabelVoided, LabelApplied: a label that is not to be used.
    """
    tube, custody = await queries.find_specimen(tx, queries.tube_code(text), Permission.LABEL_PRINT, lock=True)
    rules.check_there([(tube.code, tube.existence)])
    site_id = custody.site_id or tube.site_id
    (code,) = await codes_for(tx, [command.label], tube.study_id, site_id, "label")
    mine = (Identifier.specimen_id == tube.id, Identifier.namespace == HOUSE, Identifier.status == "active")
    old = (await tx.session.execute(select(Identifier.value).where(*mine))).scalar_one_or_none()
    await tx.session.execute(update(Identifier).where(*mine).values(status=_STATUS[command.reason]))
    await tx.insert(Identifier, [{"namespace": HOUSE, "value": code, "specimen_id": tube.id}])
    tx.record(
        "specimen.label_replaced",
        subject="specimen",
        subject_id=tube.id,
        study_id=tube.study_id,
        site_id=site_id,
        reason=f"the label {grouped(old)} {_WORDS[command.reason]}" if old else command.reason,
        specimen=tube.code,
        label=code,
    )
    return await queries.view_of(tx, tube)
