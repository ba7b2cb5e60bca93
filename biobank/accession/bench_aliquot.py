"""The aliquot bench: parent, yield, confirm, then each vial; the next parent."""

from decimal import Decimal

from biobank import ids
from biobank.accession import codes, queries, rules, vials
from biobank.accession.bench import AtBench, BenchAnswer, BenchScan, answer, attempt, question
from biobank.accession.vials import BindVial, Line, MakeVials, Parent, TakeBackVials
from biobank.actor import Permission
from biobank.errors import NotFound
from biobank.labelling.rules import LabelNotApplied
from biobank.labelling.taking import blank
from biobank.specimen import queries as specimens
from biobank.specimen.rules import in_unit
from biobank.specimen.steps import OutOfOrder, WrongStep
from biobank.specimen.work import NamedDeviation
from biobank.tx import Tx


async def scanned(tx: Tx, command: BenchScan, verb: str | None) -> BenchAnswer:
    at = command.at
    if verb == "next":
        return answer("aliquot", at.cleared(), "ok", "Put aside", title="Scan the next parent.")
    if at.parent is None:
        if verb is not None:
            return answer("aliquot", at, "warning", "No parent", title="Scan a tube to divide first.")
        return _begun(command, await vials.parent(tx, command.text))
    here = await vials.parent(tx, at.parent)
    if verb is not None:
        return await (_undone if verb == "undo" else _made)(tx, command, here)
    return await _read(tx, command, here)


async def _read(tx: Tx, command: BenchScan, here: Parent) -> BenchAnswer:
    """A number of extra vials, a yield, or a tube."""
    at = command.at
    if (more := codes.further(command.text)) is not None:
        return await _previewed(tx, at.model_copy(update={"extra": more}), here)
    line = _line(here)
    read = codes.quantity(command.text, "mL" if line is None or line.unit == "uL" else line.unit)
    if read is not None:
        given = {"obtained": f"{read[0]:f}", "unit": read[1]}
        return await _previewed(tx, at.model_copy(update=given), here)
    return await _tube(tx, command, here)


def _line(here: Parent) -> Line | None:
    """The material that a yield is of: the first that is open, or the last that was made of this tube."""
    return here.open_line or next((line for line in reversed(here.lines) if line.from_this), None)


def _described(here: Parent) -> str:
    tube = here.tube
    whose = ids.grouped(tube.participant) if tube.participant else "pool"
    number = next((n for n, one in enumerate(here.group, start=1) if one.code == tube.code), 1)
    which = f"{here.planned or tube.specimen_title} {number} of {len(here.group)}"
    return f"{which} · {whose} · {tube.visit} {tube.visit_number}"


def _begun(command: BenchScan, here: Parent) -> BenchAnswer:
    code = here.tube.code
    if here.obstacle is not None:
        raise rules.NotThisTube(f"{ids.grouped(code)}: {here.obstacle}", tube=code)
    now = command.at.cleared().model_copy(update={"parent": code})
    line = here.open_line
    if line is not None:
        message = (
            f"{line.title}: {line.left} of {line.count} vials of {line.nominal:f} {line.unit} are wanted. "
            "Type or scan the yield."
        )
        return answer("aliquot", now, "ok", "Parent", code=code, title=_described(here), message=message)
    said = (
        f"{len(here.unbound)} vials wait for their scan."
        if here.unbound
        else "All planned vials are made; +1 makes an extra one."
    )
    return answer("aliquot", now, "duplicate", "Divided already", code=code, title=_described(here), message=said)


async def _previewed(tx: Tx, at: AtBench, here: Parent) -> BenchAnswer:
    line = _line(here)
    if line is None:
        raise rules.NotThisTube("The protocol makes no vials of this tube.", tube=here.tube.code)
    if at.obtained is None:
        many = f"{at.extra} extra {'vial' if at.extra == 1 else 'vials'}: now the yield."
        return answer("aliquot", at, "ok", "Extra", code=here.tube.code, title=_described(here), message=many)
    kind = await specimens.kind(tx, line.specimen_type)
    obtained = in_unit(Decimal(at.obtained), at.unit, kind, "obtained")
    nominal = in_unit(line.nominal, line.unit, kind, "nominal")
    divided = rules.split(obtained, nominal, line.left + at.extra)
    message = f"{split_words(divided, nominal, kind.unit)} Confirm to make {'it' if divided.vials == 1 else 'them'}."
    title = f"{line.title}: {obtained:f} {kind.unit}"
    return answer("aliquot", at, "ok", "Yield", code=here.tube.code, title=title, message=message)


def split_words(divided: rules.Split, nominal: Decimal, unit: str) -> str:
    """`6 full vials of 500 uL and 1 partial of 100 uL.`"""
    parts = (
        [f"{divided.full} full {'vial' if divided.full == 1 else 'vials'} of {nominal:f} {unit}"]
        if divided.full
        else []
    )
    parts += [f"1 partial of {divided.partial:f} {unit}"] if divided.partial else []
    left = f" {divided.left:f} {unit} stays in the tube." if divided.left else ""
    return f"{' and '.join(parts)}.{left}"


async def _made(tx: Tx, command: BenchScan, here: Parent) -> BenchAnswer:
    at, line = command.at, _line(here)
    if at.obtained is None or line is None:
        return answer("aliquot", at, "warning", "No yield", title="Type or scan what was obtained first, then confirm.")
    deed = MakeVials(
        line=line.line,
        obtained=Decimal(at.obtained),
        unit=at.unit,
        extra=at.extra,
        held_celsius=at.held,
        labels=at.labels,
    )
    try:
        made = await attempt(tx, lambda: vials.make_vials(tx, here.tube.code, deed))
    except (WrongStep, OutOfOrder) as other:
        if not command.sure:
            return question(command, here.tube.code, other.title, other.detail, "Divide it all the same")
        noted = NamedDeviation(type="other", comment=other.detail[:500])
        made = await vials.make_vials(tx, here.tube.code, deed.model_copy(update={"deviation": noted}))
    nominal = in_unit(line.nominal, line.unit, await specimens.kind(tx, line.specimen_type), "nominal")
    now = at.cleared().model_copy(update={"parent": here.tube.code})
    divided = rules.Split(made.full, made.partial, made.left)
    rest = "Print the labels (PRINT), stick them on, scan each vial."
    if at.labels:
        others = "" if divided.vials == len(at.labels) else f" {rest}"
        rest = f"{len(at.labels)} of them carry their labels already.{others}"
    message = f"{split_words(divided, nominal, made.unit)} {rest}"
    return answer("aliquot", now, "ok", "Made", code=here.tube.code, title=_described(here), message=message)


async def _tube(tx: Tx, command: BenchScan, here: Parent) -> BenchAnswer:
    """A vial to be checked, the parent once more, or another parent."""
    at, mine = command.at, {vial.tube.code for vial in here.vials}
    labelled = await _labelled(tx, command, here)
    if labelled is not None:
        return labelled
    try:
        code = specimens.tube_code(await queries.tube_of_code(tx, command.text), "tube")
        other = await vials.parent(tx, code)
    except NotFound:
        if ids.looks_like_house_id(ids.canonical(command.text)) or not here.vials:
            raise
        return await _bound(tx, command, here)
    if code == here.tube.code:
        return answer(
            "aliquot", at, "duplicate", "Parent", code=code, title=_described(here), message="It is at hand already."
        )
    if code in mine or other.tube.level != "primary":
        return await _bound(tx, command, here)
    if here.unbound:
        raise rules.NotThisTube(
            f"{len(here.unbound)} vials of {ids.grouped(here.tube.code)} are not checked yet: scan them first, "
            "or put it aside (NEXT).",
            tube=code,
        )
    return _begun(command, other)


async def _labelled(tx: Tx, command: BenchScan, here: Parent) -> BenchAnswer | None:
    """A pre-printed label that is on a vial to be made; None for any other code.

    Raises:
        LabelVoided, LabelNotIssued, LabelOfAnotherSite, LabelApplied: it is not to be used.
    """
    at = command.at
    said = await blank(tx, command.text, Permission.SPECIMEN_PROCESS)
    if said is None:
        return None
    if not isinstance(said, LabelNotApplied):
        raise said
    code = ids.canonical(command.text)
    if at.obtained is None and here.unbound:
        return await _bound(tx, command, here)
    if at.obtained is None:
        message = "It is a pre-printed label. Type or scan the yield first, then the label of each vial."
        return answer("aliquot", at, "warning", "No yield", code=code, title=_described(here), message=message)
    if code in at.labels:
        return answer("aliquot", at, "duplicate", "Scanned already", code=code, title=_described(here))
    now = at.model_copy(update={"labels": (*at.labels, code)})
    message = "Scan the label of the next vial, or confirm; vials without one get a fresh code to print."
    title = f"Label of vial {len(now.labels)}"
    return answer("aliquot", now, "ok", "Label", code=code, title=title, message=message)


async def _bound(tx: Tx, command: BenchScan, here: Parent) -> BenchAnswer:
    deed = BindVial(text=command.text, namespace=command.at.namespace)
    bound = await vials.bind_vial(tx, here.tube.code, deed)
    now = bound.parent
    left = len(now.unbound)
    done = len(now.vials) - left
    after = _after(now) if not left else f"{left} to go."
    word = "Checked already" if bound.verdict == "duplicate" else "Checked"
    return answer(
        "aliquot",
        command.at,
        "duplicate" if bound.verdict == "duplicate" else "ok",
        word,
        code=bound.vial,
        title=f"{bound.words} {done} of {len(now.vials)} vials.",
        message=after,
    )


def _after(here: Parent) -> str:
    line = here.open_line
    if line is not None:
        return f"Next: {line.title}, {line.left} vials. Type or scan its yield."
    rest = [one.code for one in here.group if one.code != here.tube.code and one.existence == "exists"]
    wants = any(line.left for line in here.lines)
    if wants and rest:
        return f"Next parent: {', '.join(map(ids.grouped, rest))}."
    return "All planned vials are made. Scan the next parent."


async def _undone(tx: Tx, command: BenchScan, here: Parent) -> BenchAnswer:
    at = command.at
    if at.labels:
        fewer = at.model_copy(update={"labels": at.labels[:-1]})
        title = f"{ids.grouped(at.labels[-1])} is forgotten: it is on no vial."
        return answer("aliquot", fewer, "ok", "Undone", code=at.parent, title=title)
    if at.obtained is not None or at.extra:
        now = at.cleared().model_copy(update={"parent": at.parent})
        return answer("aliquot", now, "ok", "Undone", code=at.parent, title="The yield is forgotten: give it again.")
    before = len(here.vials)
    after = await vials.take_back(tx, here.tube.code, TakeBackVials())
    title = f"{before - len(after.vials)} vials never were; their labels are void. Throw them away."
    return answer("aliquot", at, "ok", "Undone", code=at.parent, title=title)
