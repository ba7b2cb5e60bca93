"""The certificate of a closed withdrawal: its text is made once, signed, and drawn as CSV, JSON and PDF from itself."""

import json
from collections import Counter
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import aliased

from biobank import csvfile
from biobank.access.models import AppUser
from biobank.disposal.models import Disposal, DisposalTube
from biobank.disposal.rules import METHOD_TITLES
from biobank.errors import Invalid
from biobank.signature.queries import SignatureView
from biobank.specimen.models import Specimen
from biobank.tx import ReadTx
from biobank.withdrawal import rules
from biobank.withdrawal.queries import CaseTube, CaseView
from labels import (
    Certificate,
    CertifiedNotice,
    CertifiedSignature,
    CertifiedTube,
    LabelError,
    render_certificate,
)

VERSION = 1
COLUMNS = (
    "withdrawal",
    "study",
    "participant",
    "level",
    "effective_at",
    "recorded_at",
    "tube",
    "material",
    "became",
    "method",
    "first_person",
    "first_at",
    "second_person",
    "second_at",
)


async def content(tx: ReadTx, case: CaseView) -> dict[str, Any]:
    """What the certificate says, of a case of which everything is done."""
    confirmed = await _confirmed(tx, case)
    tubes = [_tube(tube, confirmed.get(tube.tube)) for tube in case.tubes]
    return {
        "certificate_version": VERSION,
        "withdrawal": str(case.number),
        "study": case.study,
        "site": case.site,
        "timezone": case.timezone,
        "participant": case.participant,
        "level": case.level,
        "level_title": case.level_title,
        "form": case.statement.form,
        "requested_at": case.requested_at,
        "effective_at": case.effective_at,
        "recorded_at": case.recorded_at,
        "closed_at": tx.now,
        "stated": case.statement.will,
        "done": rules.done(Counter(tube["result"] for tube in tubes)),
        "stays": case.statement.will_not,
        "tubes": tubes,
        "notices": [
            {
                "partner": notice.addressee,
                "wish": notice.wish,
                "tubes": len(notice.tubes),
                "sent_at": notice.sent_at,
                "sent_by": notice.sent_by,
                "sent_how": notice.sent_how,
                "answered_at": notice.answered_at,
                "answered_by": notice.answered_by,
                "answer": notice.answer,
            }
            for notice in case.notices
        ],
        "pulls": [pull.model_dump(mode="json") for pull in case.statement.pulls],
        "recording_signature": {
            "name": case.signature.printed_name,
            "meaning": case.signature.meaning,
            "signed_at": case.signature.signed_at,
            "sha256": case.signature.content_sha256,
        },
    }


async def _confirmed(tx: ReadTx, case: CaseView) -> dict[str, dict[str, Any]]:
    """By tube, how it was disposed of or not found, and who confirmed that."""
    first, second = aliased(AppUser), aliased(AppUser)
    rows = await tx.session.execute(
        select(
            Specimen.code,
            DisposalTube,
            first.display_name.label("first"),
            second.display_name.label("second"),
        )
        .join(Specimen, Specimen.id == DisposalTube.specimen_id)
        .join(Disposal, Disposal.id == DisposalTube.disposal_id)
        .join(first, first.id == DisposalTube.first_by)
        .join(second, second.id == DisposalTube.second_by)
        .where(Disposal.number.in_([one.number for one in case.disposals]))
    )
    return {
        row.code: {
            "method": row.DisposalTube.method,
            "first_person": row.first,
            "first_at": row.DisposalTube.first_at,
            "second_person": row.second,
            "second_at": row.DisposalTube.second_at,
        }
        for row in rows
    }


def _tube(tube: CaseTube, confirmed: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "tube": tube.tube,
        "material": tube.specimen_type,
        "result": rules.result_of(tube.existence, tube.outcome),
        "place": tube.place if tube.existence == "exists" else None,
        **(confirmed or dict.fromkeys(("method", "first_person", "first_at", "second_person", "second_at"))),
    }


def as_csv(text: str) -> bytes:
    """One row a tube, or one row without a tube (RFC 4180, UTF-8). What a spreadsheet would take for a formula begins
    with an apostrophe.
    """
    document = json.loads(text)
    rows = []
    for tube in document["tubes"] or [{}]:
        row = {**document, **tube, "became": _became(tube) if tube else None}
        rows.append([row.get(name) for name in COLUMNS])
    return csvfile.written(COLUMNS, rows, end="\r\n").encode()


def _became(tube: dict[str, Any]) -> str:
    words = rules.RESULT_TITLES[tube["result"]]
    detail = METHOD_TITLES[tube["method"]].lower() if tube["method"] else tube["place"]
    return f"{words}: {detail}" if detail else words


def as_pdf(text: str, digest: str, signature: SignatureView) -> bytes:
    """The paper, from the certificate's text and the signature that closed it; the same bytes for the same arguments.

    Raises:
        Invalid: a text of it cannot be printed.
    """
    document = json.loads(text)
    zone = document["timezone"]
    recorded = document["recording_signature"]
    moments = (
        ("Asked for", document["requested_at"]),
        ("In force from", document["effective_at"]),
        ("Recorded", document["recorded_at"]),
        ("Worked off", document["closed_at"]),
    )
    certificate = Certificate(
        participant=document["participant"],
        particulars=(
            ("Study", f"{document['study']}, site {document['site']}"),
            ("Withdrawal", document["withdrawal"]),
            ("Level", f"{document['level_title']} ({document['level']})"),
            ("Consent form", document["form"] or "none; the house's policy counts"),
            *((name, _moment(at, zone)) for name, at in moments),
        ),
        stated=tuple(document["stated"]),
        done=tuple(document["done"]),
        stays=tuple(document["stays"]),
        tubes=tuple(
            CertifiedTube(
                tube["tube"],
                tube["material"],
                _became(tube),
                _who(tube["first_person"], tube["first_at"], zone),
                _who(tube["second_person"], tube["second_at"], zone),
            )
            for tube in document["tubes"]
        ),
        notices=tuple(
            CertifiedNotice(
                f"{notice['partner']}, {rules.count(notice['tubes'], 'tube')}",
                rules.CONSEQUENCE_TITLES[notice["wish"]],
                f"{_who(notice['sent_by'], notice['sent_at'], zone)}: {notice['sent_how']}",
                f"{_who(notice['answered_by'], notice['answered_at'], zone)}: {notice['answer']}",
            )
            for notice in document["notices"]
        ),
        signatures=(
            CertifiedSignature(
                "Recorded",
                recorded["name"],
                recorded["meaning"],
                _moment(recorded["signed_at"], zone),
                recorded["sha256"],
            ),
            CertifiedSignature(
                "Worked off and closed",
                signature.printed_name,
                signature.meaning,
                _moment(signature.signed_at.isoformat(), zone),
                signature.content_sha256,
            ),
        ),
        digest=digest,
    )
    try:
        return render_certificate(certificate)
    except LabelError as error:
        raise Invalid(f"The certificate cannot be printed: {error}. Its CSV and JSON can be had.") from error


def _moment(text: str | None, zone: str) -> str:
    if text is None:
        return "not recorded"
    return datetime.fromisoformat(text).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %Z")


def _who(name: str | None, at: str | None, zone: str) -> str:
    return "" if name is None else f"{name}, {_moment(at, zone)}"
