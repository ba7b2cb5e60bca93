"""Withdrawals for tests: the statement is read, then signed, as a person does on the page."""

from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from biobank.actor import Permission
from biobank.participant.queries import find_participant
from biobank.signature.commands import Sign
from biobank.tx import Tx
from biobank.withdrawal import commands
from biobank.withdrawal.queries import CaseView
from biobank.withdrawal.survey import survey
from tests.world import PASSWORD


def signature(meaning: str = "responsibility", password: str = PASSWORD) -> dict[str, str]:
    return {"password": password, "meaning": meaning}


async def request(caller: Any, participant: str, level: str, effective_at: Any = None) -> dict[str, Any]:
    """The body of a withdrawal of which the statement was read just now."""
    stated = await caller.see(f"/participants/{participant}/withdrawals/statement", level=level)
    moment = effective_at or datetime.now(UTC)
    return {
        "level": level,
        "effective_at": moment if isinstance(moment, str) else moment.isoformat(),
        "statement_sha256": stated["sha256"],
        "signature": signature(),
    }


async def withdraw(caller: Any, participant: str, level: str = "no_further_use", effective_at: Any = None) -> Any:
    """Withdraw over the API, and insist on success."""
    body = await request(caller, participant, level, effective_at)
    return await caller.ok(f"/participants/{participant}/withdrawals", body)


async def sign_withdrawal(
    tx: Tx, participant: str, level: str = "no_further_use", effective_at: datetime | None = None
) -> CaseView:
    """Withdraw in a transaction of one's own."""
    person = await find_participant(tx, participant, Permission.CONSENT_RECORD)
    return await commands.withdraw(
        tx,
        participant,
        commands.Withdraw(
            level=level,
            effective_at=effective_at or tx.now,
            statement_sha256=(await survey(tx, person, level)).statement.sha256,
            signature=Sign(password=SecretStr(PASSWORD), meaning="responsibility"),
        ),
    )


async def rescind(caller: Any, number: str, reason: str = "It was meant for somebody else") -> Any:
    """Take a withdrawal back over the API: the statement is read, then signed; the answer is not judged."""
    stated = await caller.get(f"/withdrawals/{number}/rescission")
    body = {
        "reason": reason,
        "statement_sha256": stated.json().get("sha256", "0" * 64),
        "signature": signature("approval"),
    }
    return await caller.post(f"/withdrawals/{number}/rescission", body)
