"""Which role may do what, what a password must be, and when an account is locked. Pure functions on plain values."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from biobank.actor import Grant, Permission, Scope
from biobank.errors import Conflict, DomainError, Forbidden, Invalid

P = Permission
_LOOK = frozenset({P.STUDY_READ, P.PARTICIPANT_READ, P.SPECIMEN_READ, P.STORAGE_READ, P.SHIPMENT_READ, P.ASSAY_READ})

ROLES: Mapping[str, frozenset[Permission]] = {
    "technician": _LOOK
    | {
        P.VISIT_RECORD,
        P.SPECIMEN_COLLECT,
        P.SPECIMEN_PROCESS,
        P.SPECIMEN_RESERVE,
        P.SPECIMEN_PICK,
        P.STORAGE_STORE,
        P.DISPOSAL_CONFIRM,
        P.LABEL_PRINT,
        P.SHIPMENT_RECEIVE,
        P.ASSAY_RUN,
    },
    "shipping_clerk": frozenset(
        {
            P.STUDY_READ,
            P.SPECIMEN_READ,
            P.SPECIMEN_RESERVE,
            P.SPECIMEN_PICK,
            P.STORAGE_READ,
            P.SHIPMENT_READ,
            P.SHIPMENT_PACK,
            P.SHIPMENT_RECEIVE,
            P.LABEL_PRINT,
            P.LABEL_ISSUE,
        }
    ),
    "scientist": _LOOK | {P.SPECIMEN_RESERVE, P.RESULT_READ, P.RESULT_EXPORT},
    "site_coordinator": _LOOK
    | {P.PARTICIPANT_ENROL, P.CONSENT_RECORD, P.VISIT_RECORD, P.SPECIMEN_COLLECT, P.LABEL_PRINT},
    "assay_reviewer": frozenset({P.STUDY_READ, P.SPECIMEN_READ, P.ASSAY_READ, P.ASSAY_REVIEW, P.RESULT_READ}),
    "manager": frozenset(P) - {P.ASSAY_REVIEW, P.PRINT_SERVE},
    "auditor": _LOOK | {P.RESULT_READ, P.AUDIT_READ, P.SPECIMEN_UNBLIND},
    "administrator": frozenset(
        {P.USER_MANAGE, P.STUDY_READ, P.STUDY_MANAGE, P.STORAGE_READ, P.STORAGE_MANAGE, P.AUDIT_READ}
    ),
    "print_agent": frozenset({P.PRINT_SERVE}),
}
"""The nine roles, the last one of a program. A manager of a study may do everything in it but review: four eyes stay
four eyes.
"""

PASSWORD_LEAST = 12
PASSWORD_MOST = 256


class UserExists(Conflict):
    code = "user-exists"
    title = "This user name is taken"


class TokenNameTaken(Conflict):
    code = "token-name-taken"
    title = "This token name is taken"


class AlreadyGranted(Conflict):
    code = "already-granted"
    title = "This role is held already"


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "uq_app_user_username": lambda: UserExists("A user of this name exists already: choose another name."),
    "ck_app_user_username": lambda: Invalid(
        "A user name is 2 to 63 characters: a small letter, then small letters, digits, dot, hyphen or underscore.",
        errors={"username": "is not a valid user name"},
    ),
    "uq_api_token_name": lambda: TokenNameTaken(
        "You have a token of this name already: revoked names stay taken, choose another."
    ),
    "uq_role_grant_once": lambda: AlreadyGranted("The user holds this role there already."),
    "ck_role_grant_site_needs_study": lambda: Invalid(
        "A site is named within a study: name the study too.", errors={"study": "is missing"}
    ),
    "ck_role_grant_only_administrators_hold_all_studies": lambda: Invalid(
        "Only administrators hold all studies: name the study.", errors={"study": "is missing"}
    ),
}


def check_password(password: str, username: str) -> None:
    """Length is what protects; composition rules only make people write passwords down (NIST SP 800-63B).

    Raises:
        Invalid: too short, too long, or the user name itself.
    """
    if len(password) < PASSWORD_LEAST:
        raise Invalid(
            f"A password has at least {PASSWORD_LEAST} characters.",
            errors={"password": f"has fewer than {PASSWORD_LEAST} characters"},
        )
    if len(password) > PASSWORD_MOST:
        raise Invalid(
            f"A password has at most {PASSWORD_MOST} characters.",
            errors={"password": f"has more than {PASSWORD_MOST} characters"},
        )
    if username in password.lower():
        raise Invalid("A password does not hold the user name.", errors={"password": "holds the user name"})


def locked_until(failures: int, allowed: int, minutes: int, now: datetime) -> datetime | None:
    """Until when an account is locked after this many failures in a row; None while there are attempts left."""
    return now + timedelta(minutes=minutes) if failures >= allowed else None


def check_may_grant(reach: Scope, role: str, study_id: int | None, site_id: int | None) -> None:
    """Nobody gives away more than they hold: a study's manager grants within the study, and only administrators make
    administrators.

    Raises:
        Invalid: there is no such role.
        Forbidden: the grant reaches further than the granting person.
    """
    if role not in ROLES:
        raise Invalid(f"There is no role {role}: choose one of {', '.join(ROLES)}.", errors={"role": "is not a role"})
    if study_id is None or role == "administrator":
        if not reach.everything:
            raise Forbidden("Only an administrator grants the administrator's role.", role=role)
    elif not reach.covers(study_id, site_id):
        raise Forbidden("You can grant roles only where you manage users.", role=role)


def grants_of(roles: list[str], studies: list[int | None], sites: list[int | None]) -> tuple[Grant, ...]:
    """The grants of a user from three parallel lists; a role that no longer exists grants nothing."""
    return tuple(
        Grant(role, ROLES.get(role, frozenset()), study, site)
        for role, study, site in zip(roles, studies, sites, strict=True)
    )
