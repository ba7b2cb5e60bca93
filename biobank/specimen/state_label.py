"""A site's own words for the states of its tubes. The state decides; a word is chosen, shown, and looked at by nothing.

Of quality a site may have several words for one state, and who sets the quality chooses one. The other axes follow by
themselves, so that a state of theirs has one word at most.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import func, or_, select

from biobank.access.models import AppUser
from biobank.actor import Permission
from biobank.db import visible
from biobank.errors import Conflict, DomainError, Invalid, NotFound
from biobank.specimen.models import StateLabel
from biobank.specimen.record import View
from biobank.specimen.work import Command
from biobank.study.models import Site, Study
from biobank.study.queries import study_and_site
from biobank.tx import ReadTx, Tx

Axis = Literal["existence", "custody", "quality", "reservation"]
Colour = Literal["ok", "warning", "stop", "duplicate", "neutral"]
Word = Annotated[str, Field(min_length=1, max_length=40)]
Code = Annotated[str, Field(min_length=1, max_length=16)]

AXES: Mapping[str, tuple[str, ...]] = {
    "existence": ("planned", "exists", "consumed", "disposed", "missing", "lost", "transferred", "entered_in_error"),
    "custody": ("position", "holder", "package", "party", "ended"),
    "quality": ("acceptable", "quarantined", "rejected"),
    "reservation": ("free", "reserved", "listed", "picked"),
}
"""The axes of a tube's state with their states. A table's CHECK holds a word to them."""


class LabelExists(Conflict):
    code = "label-exists"
    title = "There is such a word already"


CONSTRAINTS: Mapping[str, Callable[[], DomainError]] = {
    "uq_state_label_word": lambda: LabelExists("The site has this word on this axis already: choose another."),
    "uq_state_label_one_word": lambda: LabelExists(
        "The site has a word for this state already, and nobody chooses among several: retire that one first."
    ),
    "ck_state_label_state_of_its_axis": lambda: Invalid(
        "The axis has no such state.", errors={"state": "is not a state of this axis"}
    ),
    "fk_specimen_quality_label": lambda: Conflict(
        "The label stands for another state: choose a label of the state that is set."
    ),
}


def chosen_quality(quality: str | None, of_word: str | None) -> str:
    """The quality that is set: the one named, or the one that a site's word stands for.

    Raises:
        Invalid: neither is given, or the two disagree.
    """
    chosen = quality or of_word
    if chosen is None:
        raise Invalid("Name a quality, or a word of the site for one.", errors={"quality": "is missing"})
    if of_word is not None and chosen != of_word:
        raise Invalid(f"This word stands for {of_word}.", errors={"label": f"stands for {of_word}"})
    return chosen


class AddLabel(Command):
    """A word of a site for a state, with a colour of the fixed set; without one it is shown in the state's own."""

    study: Code
    site: Code
    axis: Axis
    state: Annotated[str, Field(min_length=1, max_length=20)]
    label: Word
    colour: Colour | None = None


class RetireLabel(Command):
    """The word is not chosen any more. Where it was chosen it stays readable."""

    study: Code
    site: Code
    axis: Axis
    label: Word


class StateLabelView(View):
    study: str
    site: str
    axis: str
    state: str
    label: str
    colour: str | None
    created_at: datetime
    created_by: str
    retired_at: datetime | None


async def labels(
    tx: ReadTx, *, study: str | None = None, site: str | None = None, axis: str | None = None, retired: bool = False
) -> list[StateLabelView]:
    """The words of the sites within reach; with `retired` also those that are not chosen any more."""
    query = (
        select(
            Study.code.label("study"),
            Site.code.label("site"),
            StateLabel.axis,
            StateLabel.state,
            StateLabel.label,
            StateLabel.colour,
            StateLabel.created_at,
            AppUser.display_name.label("created_by"),
            StateLabel.retired_at,
        )
        .join(Study, Study.id == StateLabel.study_id)
        .join(Site, Site.id == StateLabel.site_id)
        .join(AppUser, AppUser.id == StateLabel.created_by)
        .where(visible(tx.scope(Permission.SPECIMEN_READ), StateLabel.study_id, StateLabel.site_id))
        .order_by(Study.code, Site.code, StateLabel.axis, StateLabel.state, StateLabel.label, StateLabel.id)
    )
    for value, column in ((study, Study.code), (site, Site.code), (axis, StateLabel.axis)):
        if value:
            query = query.where(column == value)
    if not retired:
        query = query.where(StateLabel.retired_at.is_(None))
    return [StateLabelView(**row._asdict()) for row in await tx.session.execute(query)]


class Words(View):
    """A site's words for the states of tubes: `fixed` by `axis.state` for axes that follow by themselves, and those of
    the quality, as (label, state), for who may choose among them.
    """

    fixed: Mapping[str, str]
    quality: tuple[tuple[str, str], ...]


async def words(tx: ReadTx, study: str, site: str) -> Words:
    """The words that a site has for states. Those of the quality are a reader's of the site."""
    within = visible(tx.scope(Permission.SPECIMEN_READ), StateLabel.study_id, StateLabel.site_id)
    rows = (
        await tx.session.execute(
            select(StateLabel.axis, StateLabel.state, StateLabel.label)
            .join(Study, Study.id == StateLabel.study_id)
            .join(Site, Site.id == StateLabel.site_id)
            .where(Study.code == study, Site.code == site, StateLabel.retired_at.is_(None))
            .where(or_(StateLabel.axis != "quality", within))
            .order_by(StateLabel.state, StateLabel.label, StateLabel.id)
        )
    ).all()
    return Words(
        fixed={f"{row.axis}.{row.state}": row.label for row in rows if row.axis != "quality"},
        quality=tuple((row.label, row.state) for row in rows if row.axis == "quality"),
    )


async def add(tx: Tx, command: AddLabel) -> StateLabelView:
    """Give a site a word for a state.

    Raises:
        Invalid: the axis has no such state.
        LabelExists: the site has the word, or, where nobody chooses, a word for the state.
    """
    study, site = await study_and_site(tx, command.study, command.site, Permission.STUDY_MANAGE)
    if command.state not in AXES[command.axis]:
        raise Invalid(
            f"The states of {command.axis} are {', '.join(AXES[command.axis])}.",
            errors={"state": "is not a state of this axis"},
        )
    row = {
        "study_id": study.id,
        "site_id": site.id,
        "axis": command.axis,
        "state": command.state,
        "label": command.label,
        "colour": command.colour,
        "created_by": tx.actor.user_id,
        "created_at": tx.now,
    }
    (made,) = await tx.insert(StateLabel, [row])
    return await _done(tx, "state_label.added", made)


async def retire(tx: Tx, command: RetireLabel) -> StateLabelView:
    """Take a word out of the choice.

    Raises:
        NotFound: the site has no such word.
    """
    study, site = await study_and_site(tx, command.study, command.site, Permission.STUDY_MANAGE)
    found = await find(tx, study.id, site.id, command.label, command.axis)
    found.retired_at, found.retired_by = tx.now, tx.actor.user_id
    await tx.session.flush()
    return await _done(tx, "state_label.retired", found.id)


async def find(tx: Tx, study_id: int, site_id: int | None, word: str, axis: str = "quality") -> StateLabel:
    """A word of a site that may still be chosen, locked.

    Raises:
        NotFound: the site has no such word on this axis.
    """
    found = (
        await tx.session.execute(
            select(StateLabel)
            .where(
                StateLabel.study_id == study_id,
                StateLabel.site_id == site_id,
                StateLabel.axis == axis,
                func.lower(StateLabel.label) == word.strip().lower(),
                StateLabel.retired_at.is_(None),
            )
            .with_for_update(key_share=True)
        )
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(f"The site has no word {word} for {axis}.", label=word)
    return found


async def _done(tx: Tx, verb: str, label_id: int) -> StateLabelView:
    row = (
        await tx.session.execute(
            select(StateLabel, Study.code.label("study"), Site.code.label("site"), AppUser.display_name)
            .join(Study, Study.id == StateLabel.study_id)
            .join(Site, Site.id == StateLabel.site_id)
            .join(AppUser, AppUser.id == StateLabel.created_by)
            .where(StateLabel.id == label_id)
        )
    ).one()
    label = row.StateLabel
    tx.record(
        verb,
        subject="state_label",
        subject_id=label.id,
        study_id=label.study_id,
        site_id=label.site_id,
        axis=label.axis,
        state=label.state,
        label=label.label,
    )
    return StateLabelView(
        study=row.study,
        site=row.site,
        axis=label.axis,
        state=label.state,
        label=label.label,
        colour=label.colour,
        created_at=label.created_at,
        created_by=row.display_name,
        retired_at=label.retired_at,
    )
