"""Who has claimed a tube, and what that keeps others from. Pure functions on plain values."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from biobank.errors import Conflict
from biobank.ids import grouped

USES_MATERIAL = frozenset({"ficoll", "extract", "dilute", "wash", "lyse", "section", "thaw", "incubate"})
"""Work that changes or spends what a tube holds. A receipt, a clot, a spin, a measurement, a transfer and freezing are
what a tube is there for, whoever claimed it.
"""


class TubeReserved(Conflict):
    """`claimed` lists each tube with who claimed it and what for. Where there are such, `override` says why it is used
    after all.
    """

    code = "tube-reserved"
    title = "The tube is reserved"

    @property
    def errors(self) -> Mapping[str, str]:
        return {"override": "Say why, or choose another tube."} if "claimed" in self.fields else {}


@dataclass(frozen=True, slots=True)
class Claim:
    """Who has claimed a tube. `reservation` is reserved, listed or picked; the last two name their pick list.

    `by_me` and `purpose` decide whose claim it is; `by` is the person's name and `until` a day of the site.
    """

    reservation: str
    purpose: str
    by: str
    by_me: bool
    pick_list: str | None
    expires_at: datetime | None

    def is_for(self, purposes: Collection[str]) -> bool:
        """Whether the claim is this person's own, or for one of these purposes."""
        return self.by_me or self.purpose.strip().casefold() in {one.strip().casefold() for one in purposes}

    @property
    def words(self) -> str:
        """Who claimed it and what for, after the tube's id."""
        if self.pick_list is not None:
            return f"is on pick list {grouped(self.pick_list)} of {self.by} for {self.purpose}"
        until = "" if self.expires_at is None else f" until {self.expires_at:%Y-%m-%d}"
        return f"is reserved by {self.by} for {self.purpose}{until}"


def check_unclaimed(claims: Mapping[str, Claim], override: str | None, undone: str) -> dict[str, str]:
    """Nobody uses up, divides or throws away what somebody else has claimed, unless they say why.

    Returns:
        By tube, the claims that are overridden.

    Raises:
        TubeReserved: naming every tube, who claimed it and what for; `undone` says what did not happen.
    """
    others = {code: claim for code, claim in claims.items() if not claim.by_me}
    if others and override is None:
        named = "; ".join(f"{grouped(code)} {claim.words}" for code, claim in sorted(others.items()))
        raise TubeReserved(
            f"{undone}: {named}. Ask them to release it, choose another tube, or say why you go on (override).",
            claimed=[
                {"tube": code, "by": claim.by, "purpose": claim.purpose, "pick_list": claim.pick_list}
                for code, claim in sorted(others.items())
            ],
        )
    return {code: claim.words for code, claim in sorted(others.items())}
