"""What a withdrawal does and does not do, as the policy of its consent form says; what is still open; when it is done.

Pure functions on plain values. After the practice of biobanks: consent is withdrawn for the future (GDPR 7(3)), what
was already handed out or measured is not undone (17(3)(d)), and the form must not promise more than happens.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from biobank.errors import Conflict, DomainError, Invalid, Stale
from biobank.participant.rules import LEVELS, STOPPING_LEVELS

LEVEL_TITLES: Mapping[str, str] = {
    "no_contact": "No further contact",
    "no_access": "No further access to records",
    "no_further_use": "No further use",
    "destroy": "Destruction of what is stored",
}
OBJECT_TITLES: Mapping[str, str] = {
    "planned_visits": "Planned visits",
    "stored_tubes": "Tubes in the house",
    "packed_tubes": "Tubes packed or picked, not yet sent",
    "tubes_away": "Tubes with a partner",
    "pools": "Pools with material of others",
    "unreleased_results": "Results not yet released",
    "released_results": "Released results",
}
CONSEQUENCE_TITLES: Mapping[str, str] = {
    "keep": "Stay as they are",
    "cancel": "Cancelled",
    "hold": "On hold, kept apart",
    "dispose": "On hold, then destroyed by two people",
    "take_out": "Taken out and put back",
    "recall": "Asked back",
    "destroy": "Asked to be destroyed there",
    "withhold": "Withheld",
    "hide": "Left out of new pulls",
}
_FITTING: Mapping[str, tuple[str, ...]] = {
    "planned_visits": ("keep", "cancel"),
    "stored_tubes": ("hold", "dispose"),
    "packed_tubes": ("take_out",),
    "tubes_away": ("keep", "recall", "destroy"),
    "pools": ("keep", "hold", "dispose"),
    "unreleased_results": ("withhold",),
    "released_results": ("hide",),
}


class StatementChanged(Stale):
    """What the person was shown is not what would happen now. `statement` is the digest of the present one."""

    code = "statement-changed"
    title = "What would happen has changed"


class PolicyInUse(Conflict):
    code = "policy-in-use"
    title = "Somebody has signed this form already"


class WithdrawalOpen(Conflict):
    """`open` names what is still to be done."""

    code = "withdrawal-open"
    title = "The withdrawal is not worked off yet"


class WithdrawalClosed(Conflict):
    code = "withdrawal-closed"
    title = "The withdrawal is closed"


class NoticeState(Conflict):
    code = "notice-state"
    title = "The notice is not in the state for this"


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "ck_withdrawal_policy_consequence_fits_object": lambda: Invalid(
        "This consequence does not fit its object.", errors={"consequence": "does not fit"}
    ),
    "ck_withdrawal_policy_agrees_with_the_gate": lambda: Invalid(
        "The consent gate stops all use at the levels no_further_use and destroy, and none at the others.",
        errors={"consequence": "does not agree with the consent gate"},
    ),
    "ck_withdrawal_policy_results_come_back": lambda: Invalid(
        "Results come back with the consent gate.", errors={"reversible": "is no matter of choice"}
    ),
    "ck_withdrawal_policy_parcels_stay_out": lambda: Invalid(
        "What left a parcel or went to a partner does not come back by itself.",
        errors={"reversible": "is no matter of choice"},
    ),
    "uq_withdrawal_rescission_once": lambda: Conflict("The withdrawal was rescinded already: load the page again."),
    "ck_specimen_hold_stands": lambda: Conflict("A withdrawal holds this tube: it is rescinded before the hold ends."),
    "ck_withdrawal_case_closed": lambda: WithdrawalClosed("The withdrawal is closed and never changes."),
    "ck_withdrawal_case_statement_stays": lambda: WithdrawalClosed("What a withdrawal stated is never edited."),
    "uq_withdrawal_tube_once": lambda: Conflict("The tube is part of this withdrawal already: load the page again."),
    "ck_partner_notice_answered_after_sent": lambda: NoticeState("A notice is sent before it is answered."),
}


@dataclass(frozen=True, slots=True)
class Counted:
    """So many tubes at one place, with one shipment or with one partner."""

    name: str
    tubes: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is of a participant at this moment. `picked` are those of the stored tubes that are on open pick
    lists, by list; `coming` are on the way between sites of the house, `away` with partners.
    """

    stored: Sequence[Counted] = ()
    in_hand: Sequence[Counted] = ()
    packed: Sequence[Counted] = ()
    picked: Sequence[Counted] = ()
    coming: Sequence[Counted] = ()
    away: Sequence[Counted] = ()
    gone: int = 0
    pools: int = 0
    visits: int = 0
    unreleased: int = 0
    runs: int = 0
    released: int = 0
    pulls: int = 0
    earlier: Collection[str] = ()


def count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _listed(counted: Iterable[Counted]) -> str:
    return "; ".join(f"{count(one.tubes, 'tube')}: {one.name}" for one in counted)


def _sum(*groups: Iterable[Counted]) -> int:
    return sum(one.tubes for group in groups for one in group)


_RECORDS = "Consents, the record of who had which tube, and the audit trail stay as they are."


def stated(level: str, policy: Mapping[str, str], facts: Facts) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What will happen and what will not, in sentences with the numbers of this moment.

    Args:
        level: of the withdrawal.
        policy: the consequence by object, as the consent form's policy says.
        facts: what there is of the participant now.
    """
    will, will_not = _visits(policy, facts)
    if level not in STOPPING_LEVELS:
        here = _sum(facts.stored, facts.in_hand, facts.packed, facts.coming)
        will = ["The withdrawal stands on the participant's page from now on.", *will]
        will_not += [
            f"The {count(here, 'tube')} in the house and the {count(_sum(facts.away), 'tube')} elsewhere stay usable.",
            f"The {count(facts.released, 'released result')} stay in pulls of results.",
        ]
        if facts.pools:
            will_not.append(f"The use of {count(facts.pools, 'pool')} with material of others goes on.")
        return tuple(will), (*will_not, *_left(facts), _RECORDS)
    for more, none in (_tubes(policy, facts), _away(policy, facts), _pools(policy, facts), _results(facts)):
        will += more
        will_not += none
    will.append("The participant's status becomes withdrawn, and nothing more is collected from them.")
    return tuple(will), (*will_not, *_left(facts), _RECORDS)


def _visits(policy: Mapping[str, str], facts: Facts) -> tuple[list[str], list[str]]:
    if policy["planned_visits"] == "cancel":
        if facts.visits:
            return [f"{count(facts.visits, 'planned visit')} will be cancelled."], []
        return [], ["No visit is cancelled: none is planned."]
    return [], [f"No visit is cancelled: {count(facts.visits, 'planned visit')} stay planned."]


def _tubes(policy: Mapping[str, str], facts: Facts) -> tuple[list[str], list[str]]:
    will: list[str] = []
    will_not: list[str] = []
    here = _sum(facts.stored, facts.in_hand, facts.packed, facts.coming)
    if not here:
        return will, ["No tube is put on hold: there is none in the house."]
    will.append(
        f"{count(here, 'tube')} in the house will be on hold at once: none is picked, packed, shipped, divided or "
        "measured any more."
    )
    if facts.packed:
        will.append(f"Tubes come out of shipments, which go back to packing ({_listed(facts.packed)}).")
    if facts.picked:
        will.append(f"Tubes come off open pick lists and lose their reservation ({_listed(facts.picked)}).")
    if facts.coming:
        will.append(f"Tubes on the way between sites are kept apart where they arrive ({_listed(facts.coming)}).")
    where = _listed([*facts.stored, *facts.in_hand])
    if policy["stored_tubes"] == "dispose":
        will.append(
            f"{count(here, 'tube')} will be put on a disposal list in freezer order, each to be destroyed by two "
            f"people{f' ({where})' if where else ''}."
        )
        will_not.append("No tube is destroyed at this moment: each is confirmed by two people first.")
    else:
        will.append(f"They stay where they are and are kept apart{f' ({where})' if where else ''}.")
        will_not.append("No tube is destroyed.")
    return will, will_not


def _away(policy: Mapping[str, str], facts: Facts) -> tuple[list[str], list[str]]:
    if not facts.away:
        return [], ["No partner is written to: none has a tube."]
    if policy["tubes_away"] == "keep":
        return [], [f"Tubes that have left stay where they are, and nobody is written to ({_listed(facts.away)})."]
    wish = "sent back" if policy["tubes_away"] == "recall" else "destroyed there"
    told = (
        f"A notice goes to each partner who has tubes, asking that they be {wish}, and is tracked to its reply "
        f"({_listed(facts.away)})."
    )
    return [told], ["What partners have used up or measured already is not undone."]


def _pools(policy: Mapping[str, str], facts: Facts) -> tuple[list[str], list[str]]:
    if not facts.pools:
        return [], []
    which = f"{count(facts.pools, 'pool')} with material of others"
    kept = "No pool is destroyed: what others gave is in it."
    if policy["pools"] == "keep":
        return [], [f"No hold is put on {which}: the consent gate stops all use.", kept]
    if policy["pools"] == "hold":
        return [f"{which} will be on hold, kept apart and listed until somebody decides what becomes of it."], [kept]
    told = f"{which} will be on hold and on a disposal list, to be destroyed by two people with what others gave."
    return [told], []


def _results(facts: Facts) -> tuple[list[str], list[str]]:
    will: list[str] = []
    will_not: list[str] = []
    if facts.unreleased:
        will.append(
            f"{count(facts.unreleased, 'result')} of {count(facts.runs, 'run')} that are not released yet will be "
            "withheld; the runs stay good for everybody else."
        )
    if facts.released:
        will.append(f"{count(facts.released, 'released result')} will be left out of every new pull.")
        will_not.append("Released results are not deleted.")
    if not facts.unreleased and not facts.released:
        will_not.append("No result changes: there is none.")
    return will, will_not


def _left(facts: Facts) -> list[str]:
    found = []
    if facts.pulls:
        found.append(f"{count(facts.pulls, 'pull')} of results made before keep what they hold.")
    if facts.gone:
        found.append(f"{count(facts.gone, 'tube')} used up, lost or destroyed before cannot be brought back.")
    if facts.earlier:
        words = ", ".join(LEVEL_TITLES[level].lower() for level in LEVELS if level in facts.earlier)
        found.append(f"Earlier withdrawals stay in force, and the strongest counts: {words}.")
    return found


def check_policy(policy: Mapping[str, Mapping[str, str]]) -> None:
    """A policy names a fitting consequence for every object at every level.

    Raises:
        Invalid: naming what is missing or does not fit.
    """
    for level in LEVEL_TITLES:
        for kind in OBJECT_TITLES:
            consequence = policy.get(level, {}).get(kind)
            if consequence not in fitting(level, kind):
                raise Invalid(
                    f"At the level {level}, {OBJECT_TITLES[kind].lower()} can be: {', '.join(fitting(level, kind))}.",
                    errors={f"{level}.{kind}": "is missing" if consequence is None else "does not fit"},
                )


def fitting(level: str, kind: str) -> tuple[str, ...]:
    """What a level may do to an object: the consent gate stops all use at two levels and none at the others."""
    if level in STOPPING_LEVELS or kind == "planned_visits":
        return _FITTING[kind]
    return ("keep",)


def check_statement(seen: str, present: str) -> None:
    """Raises StatementChanged: what would happen is not what the person was shown."""
    if seen != present:
        raise StatementChanged(
            "Something changed since the statement was shown, so nothing was recorded: read what would happen now, "
            "then sign again.",
            statement=present,
        )


@dataclass(frozen=True, slots=True)
class TubeNow:
    """A tube of a case as it is now. `place` is position, holder, package, party or ended."""

    tube: str
    plan: str
    place: str
    noticed: bool
    outcome: str | None


def step(tube: TubeNow) -> str:
    """What a tube waits for: put_back, dispose, reply, receive; or done.

    What is with a partner waits for the reply, what is sent back for its receipt, what is in a hand for its place.
    """
    if tube.place == "ended" or tube.outcome == "kept":
        return "done"
    if tube.noticed and tube.outcome is None:
        return "reply"
    if tube.place in {"party", "package"}:
        return "receive"
    if tube.plan == "dispose":
        return "dispose"
    return "put_back" if tube.place == "holder" else "done"


RESULT_TITLES: Mapping[str, str] = {
    "disposed": "Destroyed",
    "missing": "Missing, and searched for",
    "lost": "Not found by two people, or lost",
    "consumed": "Used up",
    "transferred": "Handed over for good",
    "partner_destroyed": "Destroyed by the partner",
    "partner_used_up": "Used up by the partner",
    "partner_kept": "Kept by the partner",
    "on_hold": "On hold, kept apart",
}


def result_of(existence: str, outcome: str | None) -> str:
    """What became of a tube, by its existence and what a partner wrote of it."""
    if outcome in {"destroyed", "used_up", "kept"}:
        return f"partner_{outcome}"
    return "on_hold" if existence == "exists" else existence


def done(results: Mapping[str, int]) -> tuple[str, ...]:
    """What was done, as a certificate says it: the tubes by what became of them."""
    return tuple(
        f"{count(results[name], 'tube')}: {words[0].lower()}{words[1:]}."
        for name, words in RESULT_TITLES.items()
        if results.get(name)
    )


OPEN_STEPS: Mapping[str, str] = {
    "put_back": "to be put back",
    "dispose": "to be disposed of",
    "reply": "wait for a partner's reply",
    "receive": "on the way, to be received",
}


def check_closable(steps: Mapping[str, int], unanswered: int, *, closed: bool) -> None:
    """A withdrawal is closed when every tube and every notice is done.

    Raises:
        WithdrawalClosed: it is closed already.
        WithdrawalOpen: naming what is to be done.
    """
    check_open(closed=closed)
    waiting = [f"{count(steps[name], 'tube')} {words}" for name, words in OPEN_STEPS.items() if steps.get(name)]
    if unanswered:
        waiting.append(f"{count(unanswered, 'notice')} without a reply")
    if waiting:
        raise WithdrawalOpen(f"Not yet: {'; '.join(waiting)}.", open=waiting)


def check_open(*, closed: bool) -> None:
    """Raises WithdrawalClosed: nothing is done to a closed withdrawal."""
    if closed:
        raise WithdrawalClosed("This withdrawal is closed: its certificate stands.")


def check_version(seen: int, stored: int) -> None:
    """Raises Stale: somebody worked on the withdrawal since it was shown."""
    if seen != stored:
        raise Stale("Somebody else worked on this withdrawal: look at it again.", seen=seen, row_version=stored)


def check_notice(*, sent: bool, answered: bool, answering: bool) -> None:
    """A notice is sent once, then answered once.

    Raises:
        NoticeState: it is not in the state for this.
    """
    if answered:
        raise NoticeState("This notice was answered already.")
    if answering and not sent:
        raise NoticeState("Say first how and when the notice was sent.")
    if sent and not answering:
        raise NoticeState("This notice was sent already.")


def check_each_answered(exceptions: Iterable[str], tubes: Collection[str]) -> None:
    """Raises Invalid: an answer speaks of a tube that the notice does not name."""
    foreign = sorted(set(exceptions) - set(tubes))
    if foreign:
        raise Invalid(
            f"The notice does not name {', '.join(foreign)}.", errors={"exceptions": "names a tube of no notice"}
        )
