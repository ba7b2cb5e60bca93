"""What a withdrawal does, as data for each version of a consent form; the house's policy where a form says nothing."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import and_, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert

from biobank.actor import Permission
from biobank.errors import Invalid, NotFound
from biobank.participant.models import Consent
from biobank.study.models import ConsentDocument, Study
from biobank.study.queries import study_by_code
from biobank.tx import ReadTx, Tx
from biobank.withdrawal import comeback, rules
from biobank.withdrawal.models import WithdrawalPolicy

Level = Literal["no_contact", "no_access", "no_further_use", "destroy"]
Kind = Literal[
    "planned_visits", "stored_tubes", "packed_tubes", "tubes_away", "pools", "unreleased_results", "released_results"
]
Consequence = Literal["keep", "cancel", "hold", "dispose", "take_out", "recall", "destroy", "withhold", "hide"]


class SetPolicy(BaseModel):
    """The consequence of every level for every kind of object."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    policy: dict[Level, dict[Kind, Consequence]]
    reversible: dict[Level, dict[Kind, bool]] = Field(
        default_factory=dict, description="What a rescission undoes; what is not named is undone where that can be."
    )


class PolicyView(BaseModel):
    """The policy that a version of a consent form has. `own` is false where it is the house's; `in_use` says that
    somebody has signed the form, so that it cannot be changed any more.
    """

    model_config = ConfigDict(frozen=True)
    study: str
    version: str
    own: bool
    in_use: bool
    policy: dict[str, dict[str, str]]
    reversible: dict[str, dict[str, bool]]


async def policy_of(tx: ReadTx, study_id: int, version: str | None) -> tuple[dict[str, dict[str, str]], bool]:
    """By level and object, the consequence; and whether the form has a policy of its own."""
    rows = await _policy_rows(tx, study_id, version)
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row.level, {})[row.object] = row.consequence
    return found, any(row.study_id is not None for row in rows)


async def reversible_of(tx: ReadTx, study_id: int, version: str | None, level: str) -> dict[str, bool]:
    """By object, whether a rescission undoes what a withdrawal of this level did to it."""
    return {row.object: row.reversible for row in await _policy_rows(tx, study_id, version) if row.level == level}


async def _policy_rows(tx: ReadTx, study_id: int, version: str | None) -> Sequence[WithdrawalPolicy]:
    """The rows that count, the form's own last: they take the place of the house's."""
    return (
        (
            await tx.session.execute(
                select(WithdrawalPolicy)
                .where(
                    or_(
                        WithdrawalPolicy.study_id.is_(None),
                        and_(WithdrawalPolicy.study_id == study_id, WithdrawalPolicy.version == version),
                    )
                )
                .order_by(WithdrawalPolicy.study_id.nulls_first())
            )
        )
        .scalars()
        .all()
    )


async def policy(
    tx: ReadTx, study_code: str, version: str, permission: Permission = Permission.STUDY_READ
) -> PolicyView:
    """The policy of a version of a study's consent form, in whichever language.

    Raises:
        NotFound: no such study or form within reach.
    """
    study = await study_by_code(tx, study_code, permission)
    await _check_form(tx, study, version)
    return await _view(tx, study, version)


async def set_policy(tx: Tx, study_code: str, version: str, command: SetPolicy) -> PolicyView:
    """Say what a withdrawal does for those who sign this version. Fixed as soon as somebody has signed it: a form
    keeps what it promised.

    Raises:
        NotFound: no such study or form within reach.
        PolicyInUse: a consent on it is recorded.
        Invalid: a consequence is missing or does not fit.
    """
    study = await study_by_code(tx, study_code, Permission.STUDY_MANAGE)
    # A consent that is recorded at this moment refers to its form, so it waits for this lock, or this waits for it.
    lock = select(ConsentDocument.id).where(ConsentDocument.study_id == study.id, ConsentDocument.version == version)
    await tx.session.execute(lock.order_by(ConsentDocument.id).with_for_update())
    await _check_form(tx, study, version)
    wanted: dict[str, dict[str, str]] = {
        level: {str(kind): str(consequence) for kind, consequence in by_kind.items()}
        for level, by_kind in command.policy.items()
    }
    rules.check_policy(wanted)
    if await _in_use(tx, study, version):
        raise rules.PolicyInUse(
            f"Somebody has signed form {version}, so what it promises stays: change the policy of a new version.",
            version=version,
        )
    chosen: dict[str, dict[str, bool]] = {
        level: {str(kind): value for kind, value in by_kind.items()} for level, by_kind in command.reversible.items()
    }
    wrong = [one for level, by_kind in chosen.items() for one in comeback.refused_reversible(level, by_kind)]
    if wrong:
        raise Invalid(
            "Results come back with the consent gate, and what left a parcel or went to a partner never does.",
            errors=dict.fromkeys(wrong, "is no matter of choice"),
        )
    rows = [
        {
            "study_id": study.id,
            "version": version,
            "level": level,
            "object": kind,
            "consequence": consequence,
            "reversible": chosen.get(level, {}).get(kind, comeback.GIVEN.get(kind, True)),
        }
        for level, by_kind in wanted.items()
        for kind, consequence in by_kind.items()
    ]
    statement = upsert(WithdrawalPolicy).values(rows)
    await tx.session.execute(
        statement.on_conflict_do_update(
            constraint="uq_withdrawal_policy_once",
            set_={"consequence": statement.excluded.consequence, "reversible": statement.excluded.reversible},
        )
    )
    tx.record("withdrawal_policy.set", subject="study", subject_id=study.id, study_id=study.id, version=version)
    return await _view(tx, study, version)


async def _check_form(tx: ReadTx, study: Study, version: str) -> None:
    known = select(ConsentDocument.id).where(ConsentDocument.study_id == study.id, ConsentDocument.version == version)
    if (await tx.session.execute(known.limit(1))).scalar_one_or_none() is None:
        raise NotFound(f"The study has no consent form {version}.", version=version)


async def _in_use(tx: ReadTx, study: Study, version: str) -> bool:
    signed = (
        select(Consent.id)
        .join(ConsentDocument, ConsentDocument.id == Consent.document_id)
        .where(ConsentDocument.study_id == study.id, ConsentDocument.version == version, Consent.in_error_at.is_(None))
        .limit(1)
    )
    return (await tx.session.execute(signed)).scalar_one_or_none() is not None


async def _view(tx: ReadTx, study: Study, version: str) -> PolicyView:
    found, own = await policy_of(tx, study.id, version)
    return PolicyView(
        study=study.code,
        version=version,
        own=own,
        in_use=await _in_use(tx, study, version),
        policy=found,
        reversible={level: await reversible_of(tx, study.id, version, level) for level in found},
    )
