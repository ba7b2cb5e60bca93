"""Setting up: the study and its sites, the people who log in, the rooms and freezers, the outside laboratories and
the assays.
"""

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import InstrumentedAttribute

from biobank.access import passwords
from biobank.access import rules as access_rules
from biobank.access.models import AppUser, RoleGrant
from biobank.access.rules import ROLES
from biobank.actor import Actor, Grant
from biobank.assay.models import Analyte, Assay, AssayVersion, AssayVersionAnalyte
from biobank.catalogue.models import SpecimenType
from biobank.demo import plan, tools
from biobank.demo.tools import Planned, Tools
from biobank.protocol import commands as protocol
from biobank.protocol.queries import vocabulary
from biobank.protocol.text import read_document
from biobank.shipment.models import ExternalParty
from biobank.storage.models import ContainerType
from biobank.study import commands as study_commands
from biobank.study.documents import ConsentDocumentSpec
from biobank.study.models import Cohort, ConsentDocument, ConsentScope, Site, Study, VisitType
from biobank.tx import Tx

PROTOCOL = Path(__file__).with_name("protocol.yaml")


@dataclass(frozen=True, slots=True)
class House:
    """The keys of what was set up, by code, and the actors who do the demo's work, by user name."""

    as_of: date
    start: date
    study: int
    sites: dict[str, int]
    users: dict[str, int]
    actors: dict[str, Actor]
    cohorts: dict[str, int]
    visit_types: dict[str, int]
    documents: dict[tuple[str, str], int]
    scopes: tuple[str, ...]
    titles: dict[str, str]
    container_types: dict[str, int]
    parties: dict[str, int]
    analytes: dict[str, int]
    versions: dict[str, int]
    tools: Tools
    planned: Planned

    def staff(self, site: str) -> int:
        """Who works at the benches of a site."""
        return self.users["technician" if site == plan.CENTRAL.code else staff_name(site)]

    def sender(self, site: str) -> int:
        """Who packs and ships at a site."""
        return self.users["clerk" if site == plan.CENTRAL.code else staff_name(site)]

    @property
    def central(self) -> int:
        return self.sites[plan.CENTRAL.code]


def staff_name(site: str) -> str:
    return f"{site.lower()}-technician"


async def set_up(tx: Tx, as_of: date, password: str) -> House:
    """Make everything that stands before the first participant comes."""
    start = as_of - timedelta(days=plan.STUDY_DAYS)
    await study_commands.create_study(tx, _study(start))
    for site in plan.SITES:
        spec = study_commands.AddSite(
            code=site.code,
            name=site.name,
            country=site.country,
            timezone=site.timezone,
            address=site.address,
            contact="Biorepository desk" if site is plan.CENTRAL else "Study desk",
            phone=f"+1 555 01{plan.SITES.index(site):02d}",
        )
        await study_commands.add_site(tx, plan.STUDY, spec)
    await _protocol(tx, start)
    study = (await tx.session.execute(select(Study.id).where(Study.code == plan.STUDY))).scalar_one()
    sites = await _by_code(tx, Site.code, Site.id)
    users, actors = await _users(tx, study, sites, start, password)
    documents = await tx.session.execute(select(ConsentDocument.version, ConsentDocument.language, ConsentDocument.id))
    analytes, versions = await _assays(tx, study, start)
    party_rows = [
        {
            "code": code,
            "name": name,
            "country": country,
            "address": address,
            "contact": "Sample reception",
            "phone": f"+1 555 02{n:02d}",
        }
        for n, (code, name, country, address) in enumerate(plan.PARTIES)
    ]
    parties = dict(zip((code for code, *_ in plan.PARTIES), await tx.insert(ExternalParty, party_rows), strict=True))
    scopes = (await tx.session.execute(select(ConsentScope.code).order_by(ConsentScope.code))).scalars()
    titles = await tx.session.execute(select(SpecimenType.code, SpecimenType.title))
    return House(
        as_of=as_of,
        start=start,
        study=study,
        sites=sites,
        users=users,
        actors=actors,
        cohorts=await _by_code(tx, Cohort.code, Cohort.id),
        visit_types=await _by_code(tx, VisitType.code, VisitType.id),
        documents={(row.version, row.language): row.id for row in documents},
        scopes=tuple(scopes),
        titles={row.code: row.title for row in titles},
        container_types=await _by_code(tx, ContainerType.code, ContainerType.id),
        parties=parties,
        analytes=analytes,
        versions=versions,
        tools=await tools.set_up(tx, sites, as_of),
        planned=await tools.planned(tx, study),
    )


async def _protocol(tx: Tx, start: date) -> None:
    """The protocol of the demo stands in a file, as that of any study may."""
    study = await protocol.managed(tx, plan.STUDY)
    document = read_document(PROTOCOL.read_bytes(), await vocabulary(tx, study.id), plan.STUDY)
    draft = await protocol.import_document(tx, plan.STUDY, document)
    from_the_start = protocol.PublishDraft(row_version=draft.head.row_version, effective_from=start)
    await protocol.publish_draft(tx, plan.STUDY, from_the_start)


def _study(start: date) -> study_commands.CreateStudy:
    return study_commands.CreateStudy(
        code=plan.STUDY,
        title=plan.STUDY_TITLE,
        protocol_no=plan.PROTOCOL,
        registry_no=plan.REGISTRY,
        cohorts=tuple(study_commands.CohortSpec(code=code, title=title) for code, title, _ in plan.COHORTS),
        consent_documents=tuple(
            ConsentDocumentSpec(
                version=version,
                language=language,
                approved_from=start + timedelta(days=begins),
                approved_to=None if ends is None else start + timedelta(days=ends),
            )
            for version, begins, ends in plan.CONSENTS
            for language in plan.LANGUAGES
        ),
    )


async def _by_code(tx: Tx, code: InstrumentedAttribute[str], key: InstrumentedAttribute[int]) -> dict[str, int]:
    return {row[0]: row[1] for row in await tx.session.execute(select(code, key))}


async def lock_up(tx: Tx, password: str) -> None:
    """Hash the password of the logins as that of any user is hashed."""
    hashes = await asyncio.gather(*(passwords.hash_password(password) for _ in plan.ROLES))
    for (username, *_), stored in zip(plan.ROLES, hashes, strict=True):
        await tx.session.execute(
            update(AppUser)
            .where(AppUser.username == username)
            .values(password_hash=stored, row_version=AppUser.row_version + 1)
        )
    tx.record("passwords.set", subject="app_user", subject_id=None, count=len(hashes))


async def _users(
    tx: Tx, study: int, sites: dict[str, int], start: date, password: str
) -> tuple[dict[str, int], dict[str, Actor]]:
    """A login for each role, and at every clinic somebody without a login who draws, spins and packs."""
    for username, *_ in plan.ROLES:
        access_rules.check_password(password, username)
    # Some eighty signatures of a large study each ask for the password: `lock_up` makes it slow once all is signed.
    people: list[dict[str, str | None]] = [
        {
            "username": username,
            "display_name": f"Demo {title.lower()}",
            "password_hash": passwords.passing_hash(password),
        }
        for username, _, title, *_ in plan.ROLES
    ]
    people += [
        {"username": staff_name(site.code), "display_name": f"{site.name} bench", "password_hash": None}
        for site in plan.CLINICS
    ]
    keys = await tx.insert(AppUser, people)
    users = {str(person["username"]): key for person, key in zip(people, keys, strict=True)}
    held = [
        (username, role, None if role == "administrator" else study, sites.get(site or ""))
        for username, role, _, site, _ in plan.ROLES
    ]
    held += [
        (staff_name(site.code), role, study, sites[site.code])
        for site in plan.CLINICS
        for role in ("technician", "shipping_clerk")
    ]
    await tx.insert(
        RoleGrant,
        [{"user_id": users[name], "role": role, "study_id": of, "site_id": where} for name, role, of, where in held],
    )
    tx.record("users.created", subject="app_user", subject_id=None, study_id=study, count=len(people), since=start)
    actors = {
        str(person["username"]): Actor(
            users[str(person["username"])],
            str(person["username"]),
            str(person["display_name"]),
            tuple(Grant(role, ROLES[role], of, where) for name, role, of, where in held if name == person["username"]),
            channel="service",
        )
        for person in people
    }
    return users, actors


async def _assays(tx: Tx, study: int, start: date) -> tuple[dict[str, int], dict[str, int]]:
    """The bead panel and the ELISA of one of its antigens: one analyte, two methods, two sets of limits."""
    keys = await tx.insert(
        Analyte, [{"code": each.code, "title": each.title, "uniprot": each.uniprot} for each in plan.PANEL]
    )
    analytes = dict(zip((each.code for each in plan.PANEL), keys, strict=True))
    assays = await tx.insert(
        Assay,
        [
            {
                "study_id": study,
                "code": plan.LUMINEX,
                "title": "Autoantibody bead panel, 8-plex",
                "platform": "Luminex",
            },
            {"study_id": study, "code": plan.ELISA, "title": "dsDNA antibodies by ELISA", "platform": "ELISA"},
        ],
    )
    methods = ("Addressable laser bead immunoassay, IgG", "Enzyme-linked immunosorbent assay, IgG")
    versions = await tx.insert(
        AssayVersion,
        [
            {
                "assay_id": assay,
                "study_id": study,
                "number": 1,
                "method": method,
                "importer": importer,
                "effective_from": start,
            }
            for assay, method, importer in zip(assays, methods, plan.IMPORTERS, strict=True)
        ],
    )
    limits = [
        {
            "assay_version_id": versions[0],
            "analyte_id": analytes[each.code],
            "name_in_file": each.name,
            "unit": "U/mL",
            "lloq": Decimal(each.lloq),
            "uloq": Decimal(each.uloq),
        }
        for each in plan.PANEL
    ]
    limits.append(
        {
            "assay_version_id": versions[1],
            "analyte_id": analytes["dsDNA"],
            "name_in_file": "dsDNA",
            "unit": "[IU]/mL",
            "lloq": Decimal(10),
            "uloq": Decimal(400),
        }
    )
    await tx.insert(AssayVersionAnalyte, limits)
    tx.record("assays.defined", subject="assay", subject_id=None, study_id=study, count=len(assays))
    return analytes, dict(zip((plan.LUMINEX, plan.ELISA), versions, strict=True))
