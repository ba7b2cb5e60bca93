"""Tubes with codes of their maker arrive: the codes are registered, before any of the tubes is used."""

import hashlib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from assay_importers.racks.codes import CodeList
from biobank.actor import Permission
from biobank.delivery import queries, rules
from biobank.delivery.models import VendorCode, VendorCodeDelivery, VendorCodeRule
from biobank.delivery.queries import DeliveryView, RuleView
from biobank.errors import Invalid
from biobank.identifier.models import HOUSE, Identifier, Namespace
from biobank.study.queries import study_and_site, study_by_code
from biobank.tx import Tx

Code = Annotated[str, Field(min_length=1, max_length=40)]


class Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class RegisterCodes(Command):
    """A maker's file by its digest; its codes travel beside it. `namespace` says whose codes they are."""

    study: Code
    site: Code
    namespace: Code
    file_name: Annotated[str, Field(min_length=1, max_length=200)]
    sha256: str
    lot: Annotated[str | None, Field(min_length=1, max_length=80)] = None


class SetCodeRule(Command):
    """Whether tubes of the study take codes of this maker only where they were registered."""

    study: Code
    namespace: Code
    required: bool


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def register(tx: Tx, command: RegisterCodes, listed: CodeList) -> DeliveryView:
    """Register all codes of a file, or none of them.

    Raises:
        NotFound: no such study or site within reach.
        Invalid: no such namespace.
        VendorCodesRefused: naming every line that is no code, stands twice, or is registered for ever already.
    """
    study, site = await study_and_site(tx, command.study, command.site, Permission.LABEL_PRINT)
    await _maker(tx, command.namespace)
    by_code = {one.code: one.line for one in listed.codes}
    bad = [one.model_dump() for one in listed.bad]
    bad += [
        {"line": by_code[code], "value": code, "problem": "is registered already, and a code names one thing for ever"}
        for code in await _taken(tx, command.namespace, list(by_code))
    ]
    rules.check_good(sorted(bad, key=lambda one: int(str(one["line"]))), command.file_name)
    (number,) = await tx.insert(
        VendorCodeDelivery,
        [
            {
                "study_id": study.id,
                "site_id": site.id,
                "namespace": command.namespace,
                "lot": command.lot,
                "file_name": command.file_name,
                "sha256": command.sha256,
                "count": len(by_code),
                "received_by": tx.actor.user_id,
                "received_at": tx.now,
            }
        ],
    )
    whose = {"delivery_id": number, "study_id": study.id, "namespace": command.namespace}
    await tx.session.execute(insert(VendorCode), [{**whose, "value": code} for code in by_code])
    tx.record(
        "vendor_codes.registered",
        subject="vendor_code_delivery",
        subject_id=number,
        study_id=study.id,
        site_id=site.id,
        namespace=command.namespace,
        codes=len(by_code),
    )
    return await queries.delivery(tx, number)


async def _maker(tx: Tx, namespace: str) -> None:
    if namespace == HOUSE or await tx.session.get(Namespace, namespace) is None:
        raise Invalid(
            f"There is no maker {namespace} whose codes could be registered.",
            errors={"namespace": "is not a namespace of a maker"},
        )


async def _taken(tx: Tx, namespace: str, codes: list[str]) -> list[str]:
    """Those codes that are registered already, on a tube or not, whoever has them."""
    known = select(VendorCode.value).where(VendorCode.namespace == namespace, VendorCode.value.in_(codes))
    used = select(Identifier.value).where(Identifier.namespace == namespace, Identifier.value.in_(codes))
    return sorted({*(await tx.session.execute(known)).scalars(), *(await tx.session.execute(used)).scalars()})


async def set_rule(tx: Tx, command: SetCodeRule) -> RuleView:
    """Say whether a study takes only registered codes of a maker.

    Raises:
        NotFound: no such study within reach.
        Invalid: no such namespace.
    """
    study = await study_by_code(tx, command.study, Permission.STUDY_MANAGE)
    await _maker(tx, command.namespace)
    said = {"required": command.required, "set_by": tx.actor.user_id, "set_at": tx.now}
    statement = upsert(VendorCodeRule).values(study_id=study.id, namespace=command.namespace, **said)
    await tx.session.execute(statement.on_conflict_do_update(constraint="uq_vendor_code_rule", set_=said))
    tx.record(
        "vendor_codes.rule_set",
        subject="study",
        subject_id=study.id,
        study_id=study.id,
        namespace=command.namespace,
        required=command.required,
    )
    return RuleView(study=study.code, namespace=command.namespace, required=command.required)
