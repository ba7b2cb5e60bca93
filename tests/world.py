"""The small world that tests happen in: two studies, three sites, a user of every role, each with a password and an
API token.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import select

from biobank.access import passwords
from biobank.access.models import ApiToken, AppUser, RoleGrant
from biobank.actor import SERVICE
from biobank.db import Database
from biobank.protocol import commands as protocol
from biobank.protocol.document import Document
from biobank.study import commands
from biobank.study.documents import ConsentDocumentSpec
from biobank.study.models import Site, Study
from biobank.tx import Tx, open_tx

PASSWORD = "correct horse battery"
# A hash says itself how costly it is to verify: with the service's own, to sign in costs more than most tests.
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
USERS: dict[str, tuple[str, str | None, str | None]] = {
    # user name: role, study, site
    "technician": ("technician", "LLS", "LAB"),
    "technician2": ("technician", "LLS", "LAB"),
    "technician_chi": ("technician", "LLS", "CHI"),
    "clerk": ("shipping_clerk", "LLS", None),
    "clerk_chi": ("shipping_clerk", "LLS", "CHI"),
    "clerk_lab": ("shipping_clerk", "LLS", "LAB"),
    "scientist": ("scientist", "LLS", None),
    "coordinator": ("site_coordinator", "LLS", "CHI"),
    "coordinator_tor": ("site_coordinator", "LLS", "TOR"),
    "reviewer": ("assay_reviewer", "LLS", None),
    "manager": ("manager", "LLS", None),
    "auditor": ("auditor", "LLS", None),
    "administrator": ("administrator", None, None),
    "agent": ("print_agent", "LLS", "LAB"),
    "stranger": ("manager", "OTH", None),
}
SITES = {
    "CHI": ("Chicago clinic", "US", "America/Chicago"),
    "TOR": ("Toronto clinic", "CA", "America/Toronto"),
    "LAB": ("Central laboratory", "US", "America/New_York"),
}


@dataclass(frozen=True)
class World:
    """`tokens` by user name; the password is the same for all."""

    tokens: dict[str, str]
    user_ids: dict[str, int]
    password: str = PASSWORD


def _study(code: str) -> commands.CreateStudy:
    return commands.CreateStudy(
        code=code,
        title=f"Study {code}",
        protocol_no="LNX-TEST-001",
        cohorts=(
            commands.CohortSpec(code="NEW", title="New onset"),
            commands.CohortSpec(code="PREV", title="Prevalent"),
        ),
        consent_documents=(ConsentDocumentSpec(version="1.0", approved_from="2023-01-01"),),
    )


def protocol_document(study: str, **change: Any) -> Document:
    """A small protocol: a baseline with serum, which the prevalent cohort gives twice, a year later, and flares."""
    serum = {
        "specimen_type": "BLD",
        "tube_type": "SST",
        "quantity": "8500",
        "unit": "uL",
        "steps": [
            {"type": "clot", "min_minutes": 30, "max_minutes": 60},
            {"type": "centrifuge", "within_minutes": 120, "min_minutes": 10, "max_minutes": 15, "min_g": 1100}
            | {"max_g": 1300, "min_celsius": 18, "max_celsius": 25, "brake": True},
        ],
        "aliquots": [
            {"specimen_type": "SER", "tube_type": "CRYO05", "count": 8, "quantity": "500", "unit": "uL", "store": "-80"}
        ],
    }
    tubes = [{"code": "serum", **serum}, {"code": "serum_prevalent", "cohort": "PREV", **serum}]
    visits = [
        {"code": "BASE", "title": "Baseline", "day": 0, "before": 30, "after": 45, "tubes": tubes},
        {"code": "Y1", "title": "Year 1", "day": 365, "before": 30, "after": 45, "same_tubes_as": "BASE"},
        {"code": "FLARE", "title": "Flare", "same_tubes_as": "BASE"},
    ]
    return Document.model_validate({"study": study, "visits": visits} | change)


async def publish_protocol(tx: Tx, document: Document, effective_from: date) -> None:
    draft = await protocol.import_document(tx, document.study, document)
    command = protocol.PublishDraft(row_version=draft.head.row_version, effective_from=effective_from)
    await protocol.publish_draft(tx, document.study, command)


async def build_world(dsn: str, role: str) -> World:
    async with Database.open(dsn, role=role, size=2) as database, open_tx(database, SERVICE) as tx:
        for study in ("LLS", "OTH"):
            await commands.create_study(tx, _study(study))
            await publish_protocol(tx, protocol_document(study), date(2023, 1, 1))
            for code, (name, country, timezone) in SITES.items():
                if study == "LLS" or code == "LAB":
                    site = commands.AddSite(
                        code=code,
                        name=name,
                        country=country,
                        timezone=timezone,
                        address="1 Main Street",
                        contact="Biorepository desk",
                        phone="+1 555 0100",
                    )
                    await commands.add_site(tx, study, site)
        studies = dict((await tx.session.execute(select(Study.code, Study.id))).all())
        sites = dict((await tx.session.execute(select(Site.code, Site.id))).all())
        stored = QUICK.hash(PASSWORD)
        tokens: dict[str, str] = {}
        user_ids: dict[str, int] = {}
        for username, (role_name, study, site) in USERS.items():
            user = AppUser(username=username, display_name=username.capitalize(), password_hash=stored)
            tx.session.add(user)
            await tx.session.flush()
            user_ids[username] = user.id
            tokens[username] = passwords.new_token()
            tx.session.add(
                RoleGrant(
                    user_id=user.id,
                    role=role_name,
                    study_id=studies.get(study or ""),
                    site_id=sites.get(site or ""),
                    valid_from=tx.now,
                )
            )
            tx.session.add(
                ApiToken(
                    user_id=user.id,
                    name="test",
                    token_hash=passwords.token_hash(tokens[username]),
                    created_at=tx.now,
                    expires_at=tx.now.replace(year=tx.now.year + 1),
                )
            )
        tx.record("world.built", subject="study", subject_id=None)
    return World(tokens, user_ids)
