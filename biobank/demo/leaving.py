"""Withdrawals with everything that follows from them, through the verbs of the withdrawal slice: one of each level, the
work of one finished, that of another half done.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

from pydantic import SecretStr
from sqlalchemy import and_, func, or_, select

from biobank.actor import Permission
from biobank.db import Database
from biobank.demo import plan
from biobank.demo.chance import at, stream
from biobank.demo.house import House
from biobank.demo.lanes import each, side_by_side
from biobank.demo.people import WITHDRAWN_EVERY, Person
from biobank.disposal import commands as disposing
from biobank.participant.models import Participant, Visit
from biobank.participant.queries import find_participant
from biobank.progress import Progress
from biobank.signature.commands import Sign
from biobank.specimen.models import Custody, Specimen
from biobank.tx import open_read, open_tx
from biobank.withdrawal import commands
from biobank.withdrawal.queries import CaseView
from biobank.withdrawal.survey import survey

LEAST, LARGE = 40, 300
"""Participants of a study that has these withdrawals (one person's would be a tenth of a smaller one), and of one where
all tubes of a person are destroyed as well, each confirmed twice.
"""
_LEVELS = (("destroy", 6), ("no_further_use", 15), ("no_access", 33), ("no_contact", 47))
"""Levels, and the days since."""
_DESTROYED_DAYS = 26
_DONE_TUBES = 4
"""Tubes of the open disposal list that are disposed of; as many have one person's word."""
_QUIET = timedelta(days=90)
_CLOSED_AFTER = timedelta(days=7)


async def take_back(
    database: Database, house: House, password: str, seed: int, progress: Progress, people: Sequence[Person]
) -> int:
    """Let people withdraw from all further use on their day. Every other case is closed a week later."""
    done = 0

    async def leave(person: Person) -> None:
        nonlocal done
        assert person.withdrawn is not None  # noqa: S101  # only those are handed in
        work = _Leaving(database, house, password, stream(seed, "taking back", person.index))
        case = await work.sign(person.code, "no_further_use", person.withdrawn)
        if person.index // WITHDRAWN_EVERY % 2:
            await work.close(case, person.withdrawn + _CLOSED_AFTER)
        done += 1
        progress("withdrawals", done, len(people))

    await side_by_side(each(people), leave)
    return len(people)


async def withdraw(database: Database, house: House, password: str, seed: int, participants: int) -> int:
    """Let a person go at each level; answers how many did."""
    people = await _candidates(database, house, len(_LEVELS) + 1)
    if len(people) <= len(_LEVELS):
        return 0
    work = _Leaving(database, house, password, stream(seed, "leaving"))
    for (level, days), code in zip(_LEVELS, people, strict=False):
        case = await work.sign(code, level, work.moment(days, 10 * 60))
        if level == "destroy":
            await work.dispose(case, days - 3, whole=False)
        elif level == "no_further_use":
            await work.close(case, work.moment(days - 2, 11 * 60))
    if participants < LARGE:
        return len(_LEVELS)
    case = await work.sign(people[-1], "destroy", work.moment(_DESTROYED_DAYS, 10 * 60))
    await work.dispose(case, _DESTROYED_DAYS - 5, whole=True)
    await work.close(case, work.moment(_DESTROYED_DAYS - 9, 11 * 60))
    return len(people)


async def _candidates(database: Database, house: House, number: int) -> list[str]:
    """Those with the fewest tubes among people who were not seen for a while and whose tubes all stand in boxes."""
    async with open_read(database, house.actors["manager"]) as tx:
        seen = select(Visit.participant_id).where(
            or_(Visit.occurred_on > house.as_of - _QUIET, and_(Visit.status == "planned", Visit.window_to.is_(None)))
        )
        boxed = or_(Custody.container_id.is_not(None), Custody.terminal.is_not_distinct_from("consumed"))
        found = await tx.session.execute(
            select(Participant.code)
            .join(Specimen, Specimen.participant_id == Participant.id)
            .join(Custody, Custody.specimen_id == Specimen.id)
            .where(Participant.status != "withdrawn", Participant.id.not_in(seen))
            .group_by(Participant.code)
            .having(func.bool_and(boxed), func.count() > 2 * _DONE_TUBES)
            .order_by(func.count(), Participant.code)
            .limit(number)
        )
        return list(found.scalars())


class _Leaving:
    def __init__(self, database: Database, house: House, password: str, chance: Random) -> None:
        self.database = database
        self.house = house
        self.chance = chance
        self._sign = Sign(password=SecretStr(password), meaning="responsibility")

    def moment(self, days: int, minutes: int) -> datetime:
        return at(self.house.as_of - timedelta(days=days), plan.CENTRAL.timezone, minutes)

    async def sign(self, code: str, level: str, moment: datetime) -> CaseView:
        """The statement is read, then signed by the study manager."""
        manager = self.house.actors["manager"]
        async with open_tx(self.database, manager, clock=lambda: moment, randomness=self.chance) as tx:
            person = await find_participant(tx, code, Permission.CONSENT_RECORD)
            statement = (await survey(tx, person, level)).statement
            spec = commands.Withdraw.model_validate(
                {
                    "level": level,
                    "effective_at": moment,
                    "requested_at": moment - timedelta(hours=20),
                    "statement_sha256": statement.sha256,
                    "signature": self._sign,
                }
            )
            return await commands.withdraw(tx, code, spec)

    async def dispose(self, case: CaseView, days: int, *, whole: bool) -> None:
        """Two people find and destroy each tube, or some of them so far."""
        first, second = (self.moment(days, minutes) for minutes in (14 * 60, 15 * 60))
        tubes = [tube.tube for tube in case.tubes if tube.step == "dispose"]
        words = (tubes, tubes) if whole else (tubes[: 2 * _DONE_TUBES], tubes[:_DONE_TUBES])
        number = str(case.disposals[0].number)
        for username, moment, said in zip(("technician", "manager"), (first, second), words, strict=True):
            actor = self.house.actors[username]
            async with open_tx(self.database, actor, clock=lambda now=moment: now, randomness=self.chance) as tx:
                for tube in said:
                    await disposing.confirm(tx, number, disposing.ConfirmTube(tube=tube, method="autoclaved"))

    async def close(self, case: CaseView, moment: datetime) -> None:
        manager = self.house.actors["manager"]
        async with open_tx(self.database, manager, clock=lambda: moment, randomness=self.chance) as tx:
            spec = commands.CloseCase(row_version=case.row_version, signature=self._sign)
            await commands.close(tx, str(case.number), spec)
