"""Who acts, and what they may see and do: plain values that every layer may hold."""

from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    """What a handler can require. `<noun>.<verb>`, one for each thing a role may or may not do."""

    SELF = "self"  # any person who is logged in, about themselves
    USER_MANAGE = "user.manage"
    STUDY_READ = "study.read"
    STUDY_MANAGE = "study.manage"
    PARTICIPANT_READ = "participant.read"
    PARTICIPANT_ENROL = "participant.enrol"
    CONSENT_RECORD = "consent.record"
    VISIT_RECORD = "visit.record"
    SPECIMEN_READ = "specimen.read"
    SPECIMEN_COLLECT = "specimen.collect"
    SPECIMEN_PROCESS = "specimen.process"
    SPECIMEN_RESERVE = "specimen.reserve"
    SPECIMEN_PICK = "specimen.pick"
    SPECIMEN_UNBLIND = "specimen.unblind"
    EQUIPMENT_MANAGE = "equipment.manage"
    STORAGE_READ = "storage.read"
    STORAGE_STORE = "storage.store"
    STORAGE_MANAGE = "storage.manage"
    DISPOSAL_PLAN = "disposal.plan"
    DISPOSAL_CONFIRM = "disposal.confirm"
    LABEL_PRINT = "label.print"
    PRINTER_MANAGE = "printer.manage"
    PRINT_SERVE = "print.serve"
    LABEL_ISSUE = "label.issue"
    SHIPMENT_READ = "shipment.read"
    SHIPMENT_PACK = "shipment.pack"
    SHIPMENT_RECEIVE = "shipment.receive"
    ASSAY_READ = "assay.read"
    ASSAY_RUN = "assay.run"
    ASSAY_REVIEW = "assay.review"
    ASSAY_MANAGE = "assay.manage"
    RESULT_READ = "result.read"
    RESULT_EXPORT = "result.export"
    AUDIT_READ = "audit.read"


@dataclass(frozen=True, slots=True)
class Scope:
    """The studies and sites that one permission reaches.

    `everything` is an administrator's; `studies` are study ids with all their sites; `sites` are (study id, site id)
    pairs.
    """

    everything: bool = False
    studies: frozenset[int] = frozenset()
    sites: frozenset[tuple[int, int]] = frozenset()

    def covers(self, study_id: int, *site_ids: int | None) -> bool:
        """Whether a row of this study that belongs to any of these sites is within reach."""
        if self.everything or study_id in self.studies:
            return True
        return any(site_id is not None and (study_id, site_id) in self.sites for site_id in site_ids)

    def __bool__(self) -> bool:
        return self.everything or bool(self.studies) or bool(self.sites)

    def arrays(self) -> tuple[bool, list[int], list[int], list[int]]:
        """For a plain SQL statement: everything, whole studies, and the study and site of each pair."""
        pairs = sorted(self.sites)
        return self.everything, sorted(self.studies), [study for study, _ in pairs], [site for _, site in pairs]


NOWHERE = Scope()


@dataclass(frozen=True, slots=True)
class Grant:
    """A role held in a study (None: in all) at a site (None: at all of the study's)."""

    role: str
    permissions: frozenset[Permission]
    study_id: int | None
    site_id: int | None

    def widen(self, scope: Scope) -> Scope:
        if self.study_id is None:
            return Scope(everything=True)
        if self.site_id is None:
            return Scope(scope.everything, scope.studies | {self.study_id}, scope.sites)
        return Scope(scope.everything, scope.studies, scope.sites | {(self.study_id, self.site_id)})


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or program that acts. `user_id` is None for the service itself."""

    user_id: int | None
    username: str
    display_name: str
    grants: tuple[Grant, ...] = ()
    channel: str = "page"  # page, api, cli or service: how the request came in
    session: bytes | None = None  # hash of the login session's token, to end it at logout

    def scope(self, permission: Permission) -> Scope:
        """Where this permission is held; empty (false) where it is not held at all."""
        reach = NOWHERE
        for grant in self.grants:
            if permission in grant.permissions:
                reach = grant.widen(reach)
        return reach

    def may(self, permission: Permission) -> bool:
        if permission is Permission.SELF:
            return self.user_id is not None
        return any(permission in grant.permissions for grant in self.grants)

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(grant.role for grant in self.grants))


SERVICE = Actor(
    user_id=None,
    username="service",
    display_name="Biobank service",
    grants=(Grant("service", frozenset(Permission), None, None),),
    channel="service",
)
