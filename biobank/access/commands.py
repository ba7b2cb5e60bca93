"""Making users, granting roles, logging in and out, and making API tokens."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from sqlalchemy import select, update

from biobank.access import passwords, rules
from biobank.access.models import ApiToken, AppUser, LoginSession, RoleGrant
from biobank.access.queries import GrantView, TokenView, UserView, place_ids, user_by_name
from biobank.actor import Permission
from biobank.errors import Forbidden, NotFound
from biobank.settings import Lockout
from biobank.tx import Tx


class CreateUser(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    username: Annotated[
        str, Field(pattern=r"^[a-z][a-z0-9._-]{1,62}$", description="Small letters, digits, dot, hyphen, underscore.")
    ]
    display_name: Annotated[str, Field(min_length=1, max_length=120)]
    password: Annotated[SecretStr | None, Field(max_length=1024, description="None: the user has API tokens only.")] = (
        None
    )


class GrantRole(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    role: str
    study: Annotated[str | None, Field(description="Code of the study; only administrators have none.")] = None
    site: Annotated[str | None, Field(description="Code of the site; none means all sites of the study.")] = None


class CreateToken(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=80)]
    days: Annotated[int, Field(ge=1, le=730, description="Days until it expires.")] = 90


class NewToken(BaseModel):
    """A fresh token. `token` is shown this once and never again."""

    model_config = ConfigDict(frozen=True)
    name: str
    expires_at: datetime
    token: Annotated[str, Field(repr=False)]


class LoginOutcome(BaseModel):
    """Either a session token or the reason for refusing, which does not tell whether the user exists."""

    model_config = ConfigDict(frozen=True)
    token: Annotated[str | None, Field(repr=False)] = None
    refused: str | None = None


async def create_user(tx: Tx, command: CreateUser) -> UserView:
    """Add a user without any role. Whoever manages users in a study may do it."""
    stored = None
    if command.password is not None:
        secret = command.password.get_secret_value()
        rules.check_password(secret, command.username)
        stored = await passwords.hash_password(secret)
    user = AppUser(username=command.username, display_name=command.display_name, password_hash=stored)
    tx.session.add(user)
    await tx.session.flush()
    tx.record("user.created", subject="app_user", subject_id=user.id)
    return UserView(
        username=user.username, display_name=user.display_name, is_active=True, locked_until=None, grants=()
    )


async def grant_role(tx: Tx, username: str, command: GrantRole) -> GrantView:
    """Give a user a role in a study, at a site. Nobody can give more than they manage themselves."""
    user = await user_by_name(tx, username)
    study_id, site_id = await place_ids(tx, command.study, command.site)
    rules.check_may_grant(tx.scope(Permission.USER_MANAGE), command.role, study_id, site_id)
    grant = RoleGrant(user_id=user.id, role=command.role, study_id=study_id, site_id=site_id)
    tx.session.add(grant)
    await tx.session.flush()
    tx.record(
        "role.granted", subject="app_user", subject_id=user.id, study_id=study_id, site_id=site_id, role=command.role
    )
    return GrantView(role=command.role, study=command.study, site=command.site)


async def end_role(tx: Tx, username: str, command: GrantRole) -> None:
    """Take a role away; the grant stays on record with its end.

    Raises:
        NotFound: the user does not hold it.
    """
    user = await user_by_name(tx, username)
    study_id, site_id = await place_ids(tx, command.study, command.site)
    rules.check_may_grant(tx.scope(Permission.USER_MANAGE), command.role, study_id, site_id)
    ended = await tx.session.execute(
        update(RoleGrant)
        .where(
            RoleGrant.user_id == user.id,
            RoleGrant.role == command.role,
            RoleGrant.study_id.is_not_distinct_from(study_id),
            RoleGrant.site_id.is_not_distinct_from(site_id),
            RoleGrant.valid_to.is_(None),
        )
        .values(valid_to=tx.now)
        .returning(RoleGrant.id)
    )
    if ended.scalar_one_or_none() is None:
        raise NotFound(f"{username} does not hold the role {command.role} there.", role=command.role)
    tx.record(
        "role.ended", subject="app_user", subject_id=user.id, study_id=study_id, site_id=site_id, role=command.role
    )


async def log_in(tx: Tx, username: str, password: str, *, hours: int, attempts: int, lock_minutes: int) -> LoginOutcome:
    """Start a session, or count a failure. A refusal is an outcome and not an error, so that the count is committed."""
    user = (
        await tx.session.execute(select(AppUser).where(AppUser.username == username.strip().lower()))
    ).scalar_one_or_none()
    good = await passwords.verify_password(password, user.password_hash if user else None)
    refused = LoginOutcome(refused="User name or password is wrong, or the account is locked for a while.")
    if user is None:
        return refused
    if not user.is_active or (user.locked_until is not None and user.locked_until > tx.now):
        tx.record("user.login_refused", subject="app_user", subject_id=user.id)
        return refused
    if not good:
        locked = await count_failure(tx, user.id, Lockout(attempts, lock_minutes))
        tx.record("user.locked" if locked else "user.login_failed", subject="app_user", subject_id=user.id)
        return refused
    await tx.session.execute(update(AppUser).where(AppUser.id == user.id).values(failed_logins=0, locked_until=None))
    token = passwords.new_token()
    tx.session.add(
        LoginSession(
            token_hash=passwords.token_hash(token),
            user_id=user.id,
            created_at=tx.now,
            last_seen_at=tx.now,
            expires_at=tx.now + timedelta(hours=hours),
        )
    )
    tx.record("user.logged_in", subject="app_user", subject_id=user.id)
    return LoginOutcome(token=token)


async def count_failure(tx: Tx, user_id: int, lockout: Lockout) -> bool:
    """Count a wrong password; True when that locked the account."""
    failures = (
        await tx.session.execute(
            update(AppUser)
            .where(AppUser.id == user_id)
            .values(failed_logins=AppUser.failed_logins + 1)
            .returning(AppUser.failed_logins)
        )
    ).scalar_one()
    until = rules.locked_until(failures, lockout.attempts, lockout.minutes, tx.now)
    if until is not None:
        await tx.session.execute(
            update(AppUser).where(AppUser.id == user_id).values(locked_until=until, failed_logins=0)
        )
    return until is not None


async def log_out(tx: Tx, reason: str | None = None) -> None:
    """End this session; others of the same person go on. `reason`: why frozen tubes stay in this person's hands."""
    await tx.session.execute(
        update(LoginSession).where(LoginSession.token_hash == tx.actor.session).values(ended_at=tx.now)
    )
    tx.record("user.logged_out", subject="app_user", subject_id=tx.actor.user_id, reason=reason)


async def create_token(tx: Tx, username: str, command: CreateToken) -> NewToken:
    """Make an API token: for oneself, or for any user as a manager of users.

    Raises:
        Forbidden: for somebody else without managing users.
    """
    user = await user_by_name(tx, username)
    if user.id != tx.actor.user_id and not tx.scope(Permission.USER_MANAGE):
        raise Forbidden("Only who manages users makes tokens for others.")
    token = passwords.new_token()
    row = ApiToken(
        user_id=user.id,
        name=command.name,
        token_hash=passwords.token_hash(token),
        created_at=tx.now,
        expires_at=tx.now + timedelta(days=command.days),
    )
    tx.session.add(row)
    await tx.session.flush()
    tx.record("token.created", subject="api_token", subject_id=row.id)
    return NewToken(name=row.name, expires_at=row.expires_at, token=token)


async def revoke_token(tx: Tx, name: str) -> TokenView:
    """Revoke one's own token; from the next request on it opens nothing.

    Raises:
        NotFound: no token of that name that is still good.
    """
    revoked = await tx.session.execute(
        update(ApiToken)
        .where(ApiToken.user_id == tx.actor.user_id, ApiToken.name == name, ApiToken.revoked_at.is_(None))
        .values(revoked_at=tx.now)
        .returning(ApiToken.id, ApiToken.name, ApiToken.created_at, ApiToken.expires_at, ApiToken.revoked_at)
    )
    row = revoked.one_or_none()
    if row is None:
        raise NotFound(f"You have no good token named {name}.", name=name)
    tx.record("token.revoked", subject="api_token", subject_id=row.id)
    return TokenView.model_validate(row._mapping)  # the documented way to a row's mapping
