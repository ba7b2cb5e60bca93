"""The spin bench: a centrifuge, its tubes, start; the centrifuge again, stop."""

from sqlalchemy import select

from biobank import ids
from biobank.accession import queries, rules, spins, worksheet
from biobank.accession.bench import AtBench, BenchAnswer, BenchScan, answer, question
from biobank.accession.spins import StartSpin, StopSpin, TooEarly
from biobank.actor import Permission
from biobank.equipment.models import Equipment, EquipmentProgram
from biobank.specimen import queries as specimens
from biobank.study.models import Site
from biobank.study.queries import site_reach
from biobank.tx import Tx


async def scanned(tx: Tx, command: BenchScan, verb: str | None) -> BenchAnswer:
    at = command.at
    if verb == "next":
        return answer("spin", at.cleared(), "ok", "Put aside", title="Scan a centrifuge.")
    if verb == "undo":
        return await _undone(tx, command)
    if verb == "confirm":
        return await _started(tx, command)
    device = await _device(tx, command.text, at)
    if device is not None:
        return await _centrifuge(tx, command, device)
    if at.equipment is not None and (program := await _program(tx, at.equipment, command.text)) is not None:
        now = at.model_copy(update={"program": program.code})
        return answer("spin", now, "ok", "Program", code=program.code, title=spins.settings_words(program))
    return await _loaded(tx, command)


async def _device(tx: Tx, text: str, at: AtBench) -> Equipment | None:
    """The equipment of a site within reach that a code names; the one whose tubes are loaded where two have it."""
    rows = (
        await tx.session.execute(
            select(Equipment, Site)
            .join(Site, Site.id == Equipment.site_id)
            .where(Equipment.code == text.strip().upper(), site_reach(tx.scope(Permission.SPECIMEN_PROCESS)))
        )
    ).all()
    if len(rows) > 1 and at.tubes:
        tube, custody = await specimens.find_specimen(tx, at.tubes[0], Permission.SPECIMEN_PROCESS)
        rows = [row for row in rows if row.Site.id == (custody.site_id or tube.site_id)]
    if len(rows) > 1:
        sites = " and ".join(sorted(row.Site.code for row in rows))
        raise rules.NotThisTube(f"{sites} both have a {text.strip().upper()}: scan a tube of yours first.")
    return rows[0].Equipment if rows else None


async def _program(tx: Tx, equipment: str, text: str) -> EquipmentProgram | None:
    query = (
        select(EquipmentProgram)
        .join(Equipment, Equipment.id == EquipmentProgram.equipment_id)
        .join(Site, Site.id == Equipment.site_id)
        .where(
            Equipment.code == equipment,
            EquipmentProgram.code == text.strip().upper(),
            EquipmentProgram.is_active,
            site_reach(tx.scope(Permission.SPECIMEN_PROCESS)),
        )
    )
    return (await tx.session.execute(query.limit(1))).scalar_one_or_none()


async def _centrifuge(tx: Tx, command: BenchScan, device: Equipment) -> BenchAnswer:
    at = command.at
    under_way = next((one for one in await worksheet.running(tx) if one.equipment == device.code), None)
    if under_way is not None:
        return await _stopped(tx, command, under_way)
    if device.code == at.equipment and at.tubes:
        return await _started(tx, command)
    now = at.model_copy(update={"equipment": device.code, "program": None})
    if device.kind != "centrifuge":
        raise rules.NotThisTube(f"{device.code} is no centrifuge but: {device.kind.replace('_', ' ')}.")
    title = f"{device.title}: scan the tubes that go into it, then it again."
    return answer("spin", now, "ok", "Centrifuge", code=device.code, title=title)


async def _loaded(tx: Tx, command: BenchScan) -> BenchAnswer:
    at = command.at
    code = specimens.tube_code(await queries.tube_of_code(tx, command.text), "tube")
    if at.equipment is None:
        raise rules.NotThisTube("Scan the centrifuge first, then the tubes that go into it.", tube=code)
    if code in at.tubes:
        return answer(
            "spin", at, "duplicate", "Loaded already", code=code, title=f"{len(at.tubes)} tubes in {at.equipment}."
        )
    await spins.check_loadable(tx, code, at.equipment, at.program, at.tubes)
    (row,) = await specimens.rows_of(tx, [(await specimens.find_specimen(tx, code, Permission.SPECIMEN_PROCESS))[0].id])
    now = at.model_copy(update={"tubes": (*at.tubes, code)})
    title = f"{row.specimen_title} in {row.tube_type} · {ids.grouped(row.participant) if row.participant else 'pool'}"
    many = f"{len(now.tubes)} {'tube' if len(now.tubes) == 1 else 'tubes'} in {at.equipment}."
    return answer("spin", now, "ok", "Loaded", code=code, title=title, message=many)


async def _started(tx: Tx, command: BenchScan) -> BenchAnswer:
    at = command.at
    if at.equipment is None or not at.tubes:
        raise rules.NotThisTube("Scan a centrifuge and the tubes that go into it first.")
    start = StartSpin(
        equipment=at.equipment, program=at.program, tubes=at.tubes, early=command.sure, held_celsius=at.held
    )
    try:
        spin = await spins.start_spin(tx, start)
    except TooEarly as early:
        return question(command, at.equipment, early.title, early.detail, "Spin it now")
    ends = f"It runs {spin.minutes.normalize():f} min." if spin.minutes is not None else ""
    kept = "" if at.held is None else f"Kept at {at.held:f} °C until now."
    parts = [f"{len(spin.tubes)} tubes.", kept, ends, *spin.told, "Scan it again to stop it."]
    message = " ".join(part for part in parts if part)
    return answer(
        "spin",
        at.cleared(),
        "warning" if spin.told else "ok",
        "Running",
        code=spin.equipment,
        title=spin.settings,
        message=message,
    )


async def _stopped(tx: Tx, command: BenchScan, under_way: worksheet.RunningSpin) -> BenchAnswer:
    at = command.at
    early = under_way.ends_at is not None and tx.now < under_way.ends_at
    if early and not command.sure:
        return question(
            command,
            under_way.equipment,
            "It is still running",
            "Its program has not ended. Confirm to stop it now: the shorter spin is recorded as a deviation.",
            "Stop it now",
        )
    spin = await spins.stop_spin(tx, StopSpin(equipment=under_way.equipment))
    apart = any("keep it apart" in words for words in spin.told)
    minutes = f"{len(spin.tubes)} tubes, {spin.minutes.normalize():f} min." if spin.minutes is not None else ""
    return answer(
        "spin",
        at.cleared(),
        "stop" if apart else "warning" if spin.told else "ok",
        "Stop" if apart else "Stopped",
        code=spin.equipment,
        title=spin.settings,
        message=" ".join([minutes, *spin.told]),
    )


async def _undone(tx: Tx, command: BenchScan) -> BenchAnswer:
    at = command.at
    if at.tubes:
        now = at.model_copy(update={"tubes": at.tubes[:-1]})
        return answer(
            "spin", now, "ok", "Taken out", code=at.tubes[-1], title=f"{len(now.tubes)} tubes in {at.equipment}."
        )
    mine = (await worksheet.running(tx))[-1:]
    if not mine:
        raise rules.NothingRunning("There is nothing to undo at this bench.")
    if not command.sure:
        return question(
            command,
            mine[0].equipment,
            "Did it not run?",
            f"{mine[0].equipment} was started last. Confirm that it never ran: nothing is recorded of its tubes.",
            "It never ran",
        )
    spin = await spins.stop_spin(tx, StopSpin(equipment=mine[0].equipment, cancel=True))
    return answer("spin", at.cleared(), "ok", "Undone", code=spin.equipment, title="The start was taken back.")
