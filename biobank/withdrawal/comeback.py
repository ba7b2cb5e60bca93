"""What comes back when a withdrawal is rescinded, and what does not. Pure functions on plain values."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from biobank.errors import Conflict
from biobank.participant.rules import LEVELS, STOPPING_LEVELS
from biobank.withdrawal.rules import LEVEL_TITLES, count

CHOOSABLE = ("planned_visits", "stored_tubes", "pools")
"""What a policy may say comes back or not. Results come back with the consent gate; what left a parcel or went to a
partner never does by itself.
"""
GIVEN: Mapping[str, bool] = {
    "packed_tubes": False,
    "tubes_away": False,
    "unreleased_results": True,
    "released_results": True,
}


class WithdrawalRescinded(Conflict):
    code = "withdrawal-rescinded"
    title = "The withdrawal was rescinded"


@dataclass(frozen=True, slots=True)
class Reach:
    """What a rescission finds. `held` and `pools` are tubes on hold that nothing else holds, `listed` those of them on
    a disposal list; `gone` ended since, `taken_out` came out of parcels and lists; `others` are levels that stand.
    """

    held: int = 0
    pools: int = 0
    still_held: int = 0
    listed: int = 0
    gone: int = 0
    taken_out: int = 0
    away: int = 0
    sent: int = 0
    unsent: int = 0
    visits: int = 0
    unreleased: int = 0
    released: int = 0
    closed: bool = False
    others: Collection[str] = ()

    @property
    def stopped(self) -> bool:
        """Whether another withdrawal stops all use."""
        return bool(STOPPING_LEVELS & set(self.others))


def check_standing(*, rescinded: bool) -> None:
    """Raises WithdrawalRescinded: nothing more is done to a withdrawal that was taken back."""
    if rescinded:
        raise WithdrawalRescinded("This withdrawal was rescinded: nothing more is done of what it asked for.")


def comes_back(level: str, reversible: Mapping[str, bool], reach: Reach) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What will come back and what will not, in sentences with the numbers of this moment.

    Args:
        level: of the withdrawal.
        reversible: by object, whether the consent form's policy lets it come back.
        reach: what the rescission finds.
    """
    back: list[str] = ["The withdrawal counts no more from this moment on; that it counted until then stays on record."]
    stays: list[str] = []
    _visits(reversible, reach, back, stays)
    if level in STOPPING_LEVELS:
        _tubes(reversible, reach, back, stays)
        _elsewhere(reach, back, stays)
        _results(reach, back, stays)
    if reach.others:
        words = ", ".join(LEVEL_TITLES[one].lower() for one in LEVELS if one in reach.others)
        stays.append(f"Other withdrawals of the participant stand: {words}.")
    if reach.closed:
        stays.append("The certificate stands as it was signed: it says what was done until then.")
    stays.append("The withdrawal, its signature, the record of custody and the audit trail stay as they are.")
    return tuple(back), tuple(stays)


def _visits(reversible: Mapping[str, bool], reach: Reach, back: list[str], stays: list[str]) -> None:
    if not reach.visits:
        return
    which = count(reach.visits, "visit")
    if reversible["planned_visits"]:
        back.append(f"{which} that it cancelled will be planned again, in the window that each had.")
    else:
        stays.append(f"{which} that it cancelled stay cancelled: plan them again one by one.")


def _tubes(reversible: Mapping[str, bool], reach: Reach, back: list[str], stays: list[str]) -> None:
    for kind, number, words in (("stored_tubes", reach.held, "tube"), ("pools", reach.pools, "pool")):
        if number and reversible[kind]:
            back.append(f"{count(number, words)} will come off hold and can be used again.")
        elif number:
            stays.append(f"{count(number, words)} stay on hold: the consent form's policy does not let them come back.")
    if reach.listed:
        back.append(f"{count(reach.listed, 'tube')} of these will be struck off disposal lists.")
    if reach.still_held:
        stays.append(f"{count(reach.still_held, 'tube')} stay on hold, because another withdrawal holds them.")
    if reach.gone:
        stays.append(f"{count(reach.gone, 'tube')} destroyed, used up or lost since cannot be brought back.")
    if reach.taken_out:
        stays.append(
            f"{count(reach.taken_out, 'tube')} that came out of shipments and pick lists do not go back into them."
        )
    stays.append("Reservations that it ended are not renewed.")


def _elsewhere(reach: Reach, back: list[str], stays: list[str]) -> None:
    if reach.unsent:
        back.append(f"{count(reach.unsent, 'notice')} to partners that did not go out will not be sent.")
    if reach.sent:
        stays.append(
            f"{count(reach.sent, 'notice')} to partners went out: write to them yourself "
            f"({count(reach.away, 'tube')} with partners)."
        )


def _results(reach: Reach, back: list[str], stays: list[str]) -> None:
    if reach.stopped:
        stays.append("Results stay withheld and left out of pulls, because another withdrawal stops all use.")
        return
    if reach.unreleased:
        back.append(f"{count(reach.unreleased, 'result')} not yet released can be released.")
    if reach.released:
        back.append(f"{count(reach.released, 'released result')} will be in new pulls again.")
        stays.append("Pulls made meanwhile stay without them.")


def refused_reversible(level: str, chosen: Mapping[str, bool]) -> Sequence[str]:
    """The objects of which a policy says that they come back or not, although that is no matter of choice."""
    return sorted(f"{level}.{kind}" for kind, value in chosen.items() if kind in GIVEN and value != GIVEN[kind])
