"""Who a cookie or token belongs to, and the users a person may see."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import column, select, table, text

from biobank.access.models import ApiToken, AppUser, RoleGrant
from biobank.access.passwords import token_hash
from biobank.access.rules import grants_of
from biobank.actor import Actor, Permission
from biobank.db import Database
from biobank.errors import NotFound
from biobank.tx import ReadTx

_STUDY = table("study", column("id"), column("code"))
_SITE = table("site", column("id"), column("code"))
_STUDY_SITE = table("study_site", column("study_id"), column("site_id"))

_WHO = """
select u.id, u.username, u.display_name, {extra},
       coalesce(array_agg(g.role order by g.id) filter (where g.id is not null), '{{}}') as roles,
       coalesce(array_agg(g.study_id order by g.id) filter (where g.id is not null), '{{}}') as studies,
       coalesce(array_agg(g.site_id order by g.id) filter (where g.id is not null), '{{}}') as sites
  from {source} join app_user u on u.id = k.user_id and u.is_active
  left join role_grant g on g.user_id = u.id and g.valid_from <= now() and (g.valid_to is null or g.valid_to > now())
 where {condition}
 group by u.id, {extra}
"""
_BY_SESSION = _WHO.format(
    extra="k.last_seen_at",
    source="login_session k",
    condition="k.token_hash = $1 and k.ended_at is null and k.expires_at > now() "
    "and k.last_seen_at > now() - $2::interval",
)
_BY_TOKEN = _WHO.format(
    extra="k.id", source="api_token k", condition="k.token_hash = $1 and k.revoked_at is null and k.expires_at > now()"
)
_SEEN = text("update login_session set last_seen_at = now() where token_hash = :hash")
_SEEN_AFTER = timedelta(minutes=1)


async def authenticate(
    database: Database, cookie: str | None, token: str | None, *, idle: timedelta, now: datetime, seen: bool = True
) -> Actor | None:
    """The actor of a login session or an API token; a token goes before a cookie, because it was sent on purpose. A
    session lives on by what a person does: not by a request that is not `seen`.
    """
    pool = database.hot
    if token is not None:
        row = await pool.fetchrow(_BY_TOKEN, token_hash(token))
        channel, session = "api", None
    else:
        session = token_hash(cookie or "")
        row = await pool.fetchrow(_BY_SESSION, session, idle)
        channel = "page"
        if seen and row is not None and now - row["last_seen_at"] > _SEEN_AFTER:
            async with database.engine.begin() as connection:
                await connection.execute(_SEEN, {"hash": session})
    if row is None:
        return None
    return Actor(
        row["id"],
        row["username"],
        row["display_name"],
        grants_of(row["roles"], row["studies"], row["sites"]),
        channel,
        session,
    )


class GrantView(BaseModel):
    model_config = ConfigDict(frozen=True)
    role: str
    study: str | None
    site: str | None


class UserView(BaseModel):
    """A user and the roles held now."""

    model_config = ConfigDict(frozen=True)
    username: str
    display_name: str
    is_active: bool
    locked_until: datetime | None
    grants: tuple[GrantView, ...]


class TokenView(BaseModel):
    """A token's name and dates; the token itself is shown once, when it is made."""

    model_config = ConfigDict(frozen=True)
    name: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


async def users(tx: ReadTx) -> list[UserView]:
    """Users with the roles that they hold within reach, and users without any role, whom somebody has yet to place."""
    reach = tx.scope(Permission.USER_MANAGE)
    rows = await tx.session.execute(
        select(
            RoleGrant.user_id,
            RoleGrant.role,
            RoleGrant.study_id,
            RoleGrant.site_id,
            _STUDY.c.code.label("study"),
            _SITE.c.code.label("site"),
        )
        .outerjoin(_STUDY, _STUDY.c.id == RoleGrant.study_id)
        .outerjoin(_SITE, _SITE.c.id == RoleGrant.site_id)
        .where(RoleGrant.valid_to.is_(None))
        .order_by(RoleGrant.id)
    )
    placed: set[int] = set()
    held: dict[int, list[GrantView]] = {}
    for row in rows:
        placed.add(row.user_id)
        if reach.everything or (row.study_id is not None and reach.covers(row.study_id, row.site_id)):
            held.setdefault(row.user_id, []).append(GrantView(role=row.role, study=row.study, site=row.site))
    people = (await tx.session.execute(select(AppUser).order_by(AppUser.username))).scalars()
    return [
        UserView(
            username=person.username,
            display_name=person.display_name,
            is_active=person.is_active,
            locked_until=person.locked_until,
            grants=tuple(held.get(person.id, ())),
        )
        for person in people
        if person.id in held or person.id not in placed
    ]


async def tokens(tx: ReadTx, user_id: int) -> Sequence[TokenView]:
    rows = await tx.session.execute(
        select(ApiToken.name, ApiToken.created_at, ApiToken.expires_at, ApiToken.revoked_at)
        .where(ApiToken.user_id == user_id)
        .order_by(ApiToken.id)
    )
    return [TokenView.model_validate(row._mapping) for row in rows]  # the documented way to a row's mapping


async def user_by_name(tx: ReadTx, username: str) -> AppUser:
    user = (await tx.session.execute(select(AppUser).where(AppUser.username == username.lower()))).scalar_one_or_none()
    if user is None:
        raise NotFound(f"There is no user {username}.", username=username)
    return user


async def place_ids(tx: ReadTx, study: str | None, site: str | None) -> tuple[int | None, int | None]:
    """The ids of a study and a site that takes part in it.

    Raises:
        NotFound: naming the code that is unknown.
    """
    study_id = site_id = None
    if study is not None:
        study_id = (await tx.session.execute(select(_STUDY.c.id).where(_STUDY.c.code == study))).scalar_one_or_none()
        if study_id is None:
            raise NotFound(f"There is no study {study}.", study=study)
    if site is not None:
        site_id = (
            await tx.session.execute(
                select(_SITE.c.id)
                .join(_STUDY_SITE, _STUDY_SITE.c.site_id == _SITE.c.id)
                .where(_SITE.c.code == site, _STUDY_SITE.c.study_id == study_id)
            )
        ).scalar_one_or_none()
        if site_id is None:
            raise NotFound(f"No site {site} takes part in the study.", site=site)
    return study_id, site_id
