"""Who reaches what, held over every route there is: roles against permissions, and studies and sites against codes."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar
from litestar.handlers.http_handlers import HTTPRouteHandler

from biobank import ids
from biobank.access.rules import ROLES
from biobank.actor import Permission
from biobank.http.security import PUBLIC
from labels import STOCKS, RollStock
from tests.bench import imported, plan, plate_map, plated, released, table_mapping, xponent
from tests.material import make_material
from tests.picklists import listed
from tests.racks import kept, scan_file
from tests.shelves import box, freezer, rack
from tests.shipping import DRY_ICE, packed
from tests.withdrawing import signature, withdraw
from tests.world import USERS

REFUSED = "Your roles do not include this."
ONE_OF_EACH_ROLE = {role: user for user, (role, _, _) in reversed(USERS.items())}


@dataclass(frozen=True)
class Route:
    """One method of one address."""

    method: str
    path: str
    permission: str
    name: str

    @property
    def is_api(self) -> bool:
        return self.path.startswith("/api/")

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def routes(app: Litestar) -> list[Route]:
    found = []
    for route in app.routes:
        for handler in getattr(route, "route_handlers", [getattr(route, "route_handler", None)]):
            assert isinstance(handler, HTTPRouteHandler), route.path
            for method in sorted(handler.http_methods - {"OPTIONS", "HEAD"}):
                permission = str(handler.opt.get("permission"))
                if not route.path_format.startswith(("/static/", "/api/schema")):
                    found.append(Route(method, route.path_format, permission, str(handler.operation_id)))
    return found


def code_of(kind: ids.Kind) -> str:
    return ids.mint(kind)


@dataclass(frozen=True)
class Codes:
    """What addresses and bodies name: one of each thing."""

    participant: str
    tube: str
    tube2: str
    box: str
    rack: str
    shipment: str
    run: str
    plate: str
    pick_list: str
    pull: str
    deed: str
    withdrawal: str
    disposal: str
    signature: str
    study: str
    device: str
    printer: str
    job: str
    label_range: str
    template: str
    stock: str
    space: str
    mapping: str

    def all(self) -> dict[str, str]:
        """By the code in each of its spellings, the word that stands for it."""
        words = {}
        for word, code in vars(self).items():
            if word not in {"study", "deed"}:
                words |= {code: word, ids.grouped(code): word}
        return words


def made_up() -> Codes:
    """Codes of the right shape that nothing has."""
    tubes, place, parent = [code_of(ids.Kind.TUBE) for _ in range(2)], code_of(ids.Kind.BOX), code_of(ids.Kind.RACK)
    return Codes(
        participant=code_of(ids.Kind.PARTICIPANT),
        tube=tubes[0],
        tube2=tubes[1],
        box=place,
        rack=parent,
        shipment=code_of(ids.Kind.SHIPMENT),
        run="no-such-run",
        plate=code_of(ids.Kind.PLATE),
        pick_list=code_of(ids.Kind.PICK_LIST),
        pull=str(uuid4()),
        deed="999999999",
        withdrawal=str(uuid4()),
        disposal=str(uuid4()),
        signature=str(uuid4()),
        study="QQQ",
        device="CF-QQQ",
        printer="ZD-QQQ",
        job=str(uuid4()),
        label_range="888888888",
        template="no-such-label",
        stock="no-such-stock",
        space=str(uuid4()),
        mapping=uuid4().hex * 2,
    )


def address(route: Route, codes: Codes) -> str:
    """The route's address with the code that belongs in it."""
    kinds = {
        "participants": codes.participant,
        "specimens": codes.tube,
        "containers": codes.box,
        "storage": codes.box,
        "shipments": codes.shipment,
        "pick-lists": codes.pick_list,
        "tube-searches": codes.tube,
        "runs": codes.run,
        "scan": codes.tube,
        "audit": codes.deed,
        "studies": codes.study,
        "equipment": codes.device,
        "problems": "not-found",
        "intake": codes.tube,
        "sprec": "3.0",
        "withdrawals": codes.withdrawal,
        "disposals": codes.disposal,
        "signatures": codes.signature,
        "printers": codes.printer,
        "print-jobs": codes.job,
        "print-agent": codes.job,
        "label-templates": codes.template,
        "label-stocks": codes.stock,
        "space": codes.space,
        "container-types": "BOX25",
        "column-mappings": codes.mapping,
    }
    noun = route.path.removeprefix("/api/v1").split("/")[1]
    others = {
        "number": codes.deed if noun == "audit" else "1",
        "plate": "1",
        "well": "A1",
        "file": f"{codes.pull}.csv",
        "step": "verify",
        "visit": "BASE",
        "label_range": codes.label_range,
        "delivery": "1",
        "bench": "intake",
        "username": "nobody.here",
        "name": "no-token",
        "assay": "NONE",
        "site": "CHI",
        "printer": codes.printer,
        "program": "SPIN-1",
        "consent": "1",
        "notice": "1",
        "kind": "csv",
        "language": "en",
        **({"version": "1.0"} if noun == "studies" else {}),
        **({"study": codes.study} if noun == "column-mappings" else {}),
    }
    return re.sub(r"\{(\w+)\}", lambda found: others.get(found[1]) or kinds[noun], route.path)


async def ask(client: httpx.AsyncClient, route: Route, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
    """The request as a program (JSON, or a file in a form) or as a browser (a form) sends it."""
    key = str(uuid4())
    if route.method == "GET":
        return await client.get(path, params=ASKED.get(route.name))
    if not route.is_api:
        form = {"_key": key, **(body or {})}
        sent = {"file": ("file.csv", form.pop("file"))} if "file" in form else None
        return await client.request(
            route.method, path, data=form, files=sent, headers={"x-csrftoken": client.cookies.get("csrftoken", "")}
        )
    headers = {"Idempotency-Key": key, "x-csrftoken": client.cookies.get("csrftoken", "")}
    if body and "file" in body:
        beside = {name: value for name, value in body.items() if name != "file"}
        sent = {"file": ("file.csv", body["file"])}
        return await client.request(route.method, path, data=beside, files=sent, headers=headers)
    return await client.request(route.method, path, json=body or {}, headers=headers)


def said(response: httpx.Response) -> str:
    return str(response.json()["detail"]) if "json" in response.headers["content-type"] else response.text


# --- roles ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_the_guard_refuses_exactly_what_a_role_does_not_include(app, api, role):
    client, codes = api(ONE_OF_EACH_ROLE[role]).client, made_up()
    faults = []
    for route in routes(app):
        response = await ask(client, route, address(route, codes))
        refused = response.status_code == 403 and REFUSED in said(response)
        may = route.permission in {PUBLIC, Permission.SELF, *ROLES[role]}
        if response.status_code >= 500 or refused == may:
            faults.append(f"{route}: {response.status_code}, needs {route.permission}")
    assert not faults, "\n".join(faults)


async def test_nobody_gets_past_the_public_routes(app, api):
    client, codes = api(None).client, made_up()
    await client.get("/login")
    faults = []
    for route in routes(app):
        response = await ask(client, route, address(route, codes))
        if response.status_code >= 500:
            faults.append(f"{route}: {response.status_code}")
        if route.permission == PUBLIC:
            if response.status_code in {401, 403}:
                faults.append(f"{route}: {response.status_code} although it is public")
        elif route.is_api or route.method != "GET":
            if response.status_code != 401:
                faults.append(f"{route}: {response.status_code} instead of 401")
        elif not (response.status_code == 303 and response.headers["location"].startswith("/login")):
            faults.append(f"{route}: {response.status_code} instead of the way to the login")
    assert not faults, "\n".join(faults)


async def test_a_worthless_token_is_nobody(app, api):
    client, codes = api(None).client, made_up()
    client.headers["Authorization"] = "Bearer worthless"
    for route in routes(app):
        if route.is_api and route.permission != PUBLIC:
            response = await ask(client, route, address(route, codes))
            assert (response.status_code, response.json()["type"]) == (401, "/problems/unauthenticated"), route


# --- studies and sites ------------------------------------------------------------------------------------------------


@pytest.fixture
async def secrets(api, database, world, superuser) -> tuple[Codes, str]:
    """One of each thing in the study LLS and, at the Chicago clinic, in no place that the study OTH shares; and a box
    at the laboratory, which both studies share, with a tube of LLS in it.
    """
    tower = await rack(api, await freezer(api, site="CHI", name="CHI freezer"), site="CHI", name="CHI rack")
    place = await box(api, tower, site="CHI", name="CHI box")
    await kept(api("technician_chi"), place, scan_file({(0, 0): "LLS0000001"}, rows=9, cols=9))
    coded = {"study": "LLS", "site": "CHI", "namespace": "azenta"}
    files, key = {"file": ("codes.csv", b"LLS0000001")}, {"Idempotency-Key": str(uuid4())}
    await api("technician_chi").client.post("/api/v1/deliveries", data=coded, files=files, headers=key)
    shared = await box(api, await rack(api, await freezer(api)), name="Shared box")
    bench = await plan(api, database, world, analytes=["alpha"], tubes=2, name="lls-run-7")
    await plated(api, bench, {"A1": bench.material.tubes[0], "B1": bench.material.tubes[1]})
    await imported(api, bench, xponent(dict(zip(("A1", "B1"), bench.material.tubes, strict=True)), ["alpha"]))
    await released(api, bench)
    stored = {"tube": bench.material.tubes[0], "box": shared}
    await api("technician").ok("/storage/placements", stored)
    pull = await api("scientist").ok("/results/pulls", {"study": "LLS", "participants": [bench.material.participant]})
    sent = (await make_material(database, world, tubes=1)).tubes
    here = (await make_material(database, world, tubes=1, at="CHI")).tubes
    shipment = await packed(api("clerk"), sent, to_site="CHI")
    device = {"site": "CHI", "code": "CF-CHI-9", "title": "Centrifuge 9", "kind": "centrifuge"}
    await api("manager").ok("/equipment", device)
    await api("manager").ok("/equipment/CHI/CF-CHI-9/programs", {"code": "SPIN-1", "title": "Spin"})
    await api("manager").ok("/studies/LLS/protocol/draft", {})
    address = {"kind": "pull", "host": "127.0.0.1", "port": 9100, "stock": ROLL}
    await api("manager").ok("/printers", {"site": "CHI", "name": "ZD-CHI-9", **address})
    ordered = {"codes": list(here[:1]), "printer": "CHI/ZD-CHI-9"}
    job = await api("manager").ok("/labels/orders", ordered)
    await api("manager").ok("/label-templates", {"name": "lls-label", "kind": "tube", "study": "LLS", "like": "tube"})
    await api("manager").ok("/label-stocks", {"name": "lls-roll", "study": "LLS", "content": MEASURES})
    left = await make_material(database, world, tubes=1, at="CHI", holder="technician_chi")
    withdrawal = await withdraw(api("coordinator"), left.participant, "destroy")
    (disposal,) = withdrawal["disposals"]
    for person in ("technician_chi", "manager"):
        word = {"tube": left.tubes[0], "method": "autoclaved"}
        await api(person).ok(f"/disposals/{disposal['number']}/confirmations", word)
    closing = {"row_version": withdrawal["row_version"], "signature": signature()}
    await api("coordinator").ok(f"/withdrawals/{withdrawal['number']}/close", closing)
    # A number that turns up nowhere else, so that it can be told apart from others.
    await superuser.execute("select setval(pg_get_serial_sequence('label_range', 'id'), 777000000)")
    labels = await api("manager").ok("/label-ranges", {"study": "LLS", "count": 2, "purpose": "Kits", "site": "CHI"})
    deeds = (await api("auditor").see("/audit"))["rows"]
    number = next(deed["number"] for deed in deeds if deed["study"] == "LLS" and deed["changes"])
    places = [{"container": place, "count": 1}]
    for_later = await api("manager").ok(
        "/space/reservations", {"name": "Visit day", "site": "CHI", "expires_at": LATER, "places": places}
    )
    said_of = await api("technician").ok("/column-mappings", {"study": "LLS", "mapping": table_mapping()})
    codes = Codes(
        participant=bench.material.participant,
        tube=bench.material.tubes[0],
        tube2=bench.material.tubes[1],
        box=place,
        rack=tower,
        shipment=shipment,
        run=bench.run,
        plate=bench.plate,
        pick_list=await listed(api("manager"), here),
        pull=pull["href"].rpartition("/")[2].removesuffix(".csv"),
        deed=str(number),
        withdrawal=withdrawal["number"],
        disposal=disposal["number"],
        signature=withdrawal["signature"]["number"],
        study="LLS",
        device="CF-CHI-9",
        printer="ZD-CHI-9",
        job=job["number"],
        label_range=str(labels["number"]),
        template="lls-label",
        stock="lls-roll",
        space=for_later["number"],
        mapping=said_of["signature"],
    )
    return codes, shared


HIDDEN = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\"request_id\":\s*\"[^\"]*\"|request id <span class=\"code\">[^<]*"
)


def shape(response: httpx.Response, codes: Codes) -> tuple[int, str]:
    """Status and text with every code replaced by what it is, without what differs from answer to answer."""
    text = HIDDEN.sub("", response.text)  # first: a code may turn up by chance within what is random anyway
    for code, word in sorted(codes.all().items(), key=lambda pair: -len(pair[0])):
        text = text.replace(code, f"<{word}>")
    text = re.sub(rf"\b{codes.study}\b", "<study>", text)
    return response.status_code, re.sub(rf"\b{codes.deed}\b", "<deed>", text)


ROLL = next(name for name, stock in STOCKS.items() if isinstance(stock, RollStock) and stock.dpi == 203)
MEASURES = {"type": "roll", "title": "Roll", "label_width": 30, "label_height": 15, "dpi": 300}
NOW = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
LATER = (datetime.now(UTC) + timedelta(days=2)).isoformat()
LOCAL = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
DAY = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
FINISH = {"row_version": 1}
CALIBRATED = {"row_version": 1, "calibrated_on": DAY, "calibration_due": "2099-01-01", "certificate": "C-1"}
REASONED = {"row_version": 1, "reason": "to see what is said"}
THAWED = {"thawed_at": NOW, "reason": "to see what is said"}
ALIQUOT = {"specimen_type": "SER", "tube_type": "CRYO05"}
SHIP = {"row_version": 1, "courier": "FedEx", "tracking_no": "7946 1234 5678", "tracking_again": "794612345678"}


def bodies(codes: Codes) -> dict[str, dict[str, Any]]:
    """By operation, a body that is good in itself, so that what is answered is about the code alone."""
    tube, run_file = codes.tube, xponent({"A1": "x"}, ["alpha"])
    serum = [{"planned": "serum"}]
    return {
        "keepRackScan": {"file": "Well,Barcode\nA1,X"},
        "settleRackScan": {},
        "commitRackScan": {"digest": "0" * 64},
        "discardRackScan": {},
        "remapBox": {"scans": [tube]},
        "remapScanForm": {"scan": tube},
        "keepRackScanForm": {},
        "registerCodes": {"file": "CODE1", "study": codes.study, "site": "CHI", "namespace": "azenta"},
        "registerCodesForm": {"file": "CODE1", "place": f"{codes.study}/CHI", "namespace": "azenta"},
        "setCodeRule": {"study": codes.study, "namespace": "azenta", "required": True},
        "codeRuleForm": {"study": codes.study, "namespace": "azenta"},
        "rackScanForm": {},
        "recordDraw": {"collected_at": NOW, "tubes": serum},
        "drawForm": {"collected_at": LOCAL, "slot.serum.1": "yes"},
        "recordNotCollected": {"tubes": serum, "reason": "refused"},
        "notCollectedForm": {"slot.serum.1": "yes", "reason": "refused"},
        "finishVisit": FINISH,
        "finishVisitForm": FINISH,
        "recordVisitDayForm": {"occurred_on": DAY},
        "takeInTube": {"tube": tube},
        "undoIntake": {"tube": tube},
        "startSpin": {"equipment": "CF-1", "tubes": [tube]},
        "makeVials": {"line": 1, "obtained": "100"},
        "bindVial": {"text": tube},
        "takeBackVials": {},
        "scanAtBench": {"bench": "intake", "text": tube},
        "recordConsent": {"version": "1.0", "signed_at": NOW, "granted": ["biobank_storage"]},
        "consentForm": {"form": "1.0/en", "signed_at": LOCAL, "scope.biobank_storage": "granted"},
        "recordVisit": {"type": "BASE", "occurred_on": DAY},
        "visitForm": {"type": "BASE", "occurred_on": DAY},
        "missVisit": {"type": "BASE", "reason": "to see what is said"},
        "cancelVisit": {"type": "BASE", "reason": "to see what is said"},
        "reopenVisit": {"type": "BASE", "reason": "to see what is said"},
        "moveCohort": {"cohort": "NEW", "from_on": DAY, "reason": "to see what is said"},
        "correctT0": {"t0": DAY, "reason": "to see what is said"},
        "startProtocolDraft": {},
        "replaceProtocolDraft": {"row_version": 1, "document": {"study": codes.study}},
        "importProtocolFile": {"file": f"study: {codes.study}\n"},
        "discardProtocolDraft": REASONED,
        "startDraftForm": {},
        "discardDraftForm": REASONED,
        "protocolFileForm": {},
        "draftPartForm": {"row_version": "1", "note": "to see what is said"},
        "arrangeDraftForm": {"row_version": "1", "at": "visits.0", "deed": "down"},
        "publishForm": {"row_version": "1", "effective_from": DAY},
        "visitPlanForm": {"visit": "BASE/1", "deed": "cancelled", "reason": "to see what is said"},
        "cohortForm": {"cohort": "NEW", "from_on": DAY, "reason": "to see what is said"},
        "t0Form": {"t0": DAY, "reason": "to see what is said"},
        "publishProtocol": {"row_version": 1, "effective_from": DAY},
        "markConsentInError": {"reason": "to see what is said"},
        "consentInErrorForm": {"reason": "to see what is said"},
        "withdrawParticipant": {
            "level": "no_contact",
            "effective_at": NOW,
            "statement_sha256": "0" * 64,
            "signature": signature(),
        },
        "rescindWithdrawal": {
            "reason": "Recorded for the wrong person",
            "statement_sha256": "0" * 64,
            "signature": signature(),
        },
        "rescissionForm": {"reason": "Recorded for the wrong person", "statement_sha256": "0" * 64, **signature()},
        "withdrawalForm": {"level": "no_contact", "effective_at": LOCAL, "statement_sha256": "0" * 64, **signature()},
        "sendNotice": {**FINISH, "how": "letter to the desk"},
        "sendNoticeForm": {**FINISH, "how": "letter to the desk"},
        "answerNotice": {**FINISH, "outcome": "kept", "words": "we keep them"},
        "answerNoticeForm": {**FINISH, "outcome": "kept", "words": "we keep them"},
        "listReturnedTubes": FINISH,
        "listReturnedForm": FINISH,
        "closeWithdrawal": {**FINISH, "signature": signature()},
        "closeWithdrawalForm": {**FINISH, **signature()},
        "putBackTube": {"tube": tube, "box": codes.box},
        "putBackForm": {"tube": tube, "box": codes.box},
        "setWithdrawalPolicy": {"policy": {}},
        "policyForm": {},
        "addConsentForm": {"version": "9.0", "approved_from": DAY},
        "addConsentFormForm": {"version": "9.0", "approved_from": DAY},
        "endConsentForm": {"approved_to": DAY, "row_version": 1},
        "endConsentFormForm": {"approved_to": DAY, "row_version": 1},
        "planDisposal": {
            "study": codes.study,
            "site": "CHI",
            "reason": "surplus",
            "words": "to see what is said",
            "tubes": [tube],
        },
        "newDisposalForm": {
            "place": f"{codes.study}/CHI",
            "reason": "surplus",
            "words": "to see what is said",
            "tubes": tube,
        },
        "confirmDisposal": {"tube": tube, "method": "autoclaved"},
        "confirmDisposalForm": {"tube": tube, "method": "autoclaved"},
        "strikeOffDisposal": {"tube": tube, "reason": "to see what is said"},
        "strikeOffForm": {"tube": tube, "reason": "to see what is said"},
        "collectSpecimens": {
            "visit": "BASE",
            "collected_at": NOW,
            "tubes": [{"specimen_type": "BLD", "tube_type": "SST", "quantity": "8500"}],
        },
        "collectForm": {"visit": "BASE/1", "collected_at": LOCAL},
        "aliquotSpecimen": {**ALIQUOT, "started_at": NOW, "quantities": ["100"]},
        "aliquotForm": {**ALIQUOT, "started_at": LOCAL, "vials": "1", "quantity": "100"},
        "setSpecimenQuality": {"quality": "quarantined", "reason": "to see what is said"},
        "qualityForm": {"quality": "quarantined", "reason": "to see what is said"},
        "correctSpecimenQuantity": {"quantity": "100", "reason": "to see what is said"},
        "quantityForm": {"quantity": "100", "reason": "to see what is said"},
        "useUpSpecimen": {"reason": "to see what is said"},
        "useUpForm": {"reason": "to see what is said"},
        "correctCollectionTime": {"collected_at": NOW, "reason": "to see what is said"},
        "collectionTimeForm": {"collected_at": LOCAL, "reason": "to see what is said"},
        "correctWork": {"type": "clot", "seen": NOW, "celsius": "20", "reason": "to see what is said"},
        "correctWorkForm": {"work": f"clot {NOW}", "celsius": "20", "reason": "to see what is said"},
        "addSpecimenCode": {"namespace": "vendor_2d", "value": "0123456789"},
        "codeForm": {"namespace": "vendor_2d", "value": "0123456789"},
        "processSpecimens": {"type": "centrifuge", "specimens": [tube], "started_at": NOW},
        "processForm": {"type": "centrifuge", "specimens": tube, "started_at": LOCAL},
        "poolSpecimens": {
            "started_at": NOW,
            "parents": [{"specimen": tube, "quantity": "10"}, {"specimen": codes.tube2, "quantity": "10"}],
            "tube_type": "CRYO05",
            "quantities": ["20"],
        },
        "recordDeviation": {"type": "leaked", "specimens": [tube]},
        "recordDeviationForm": {"type": "leaked", "specimens": tube},
        "deviationForm": {"type": "leaked"},
        "resolveDeviation": {"type": "leaked", "resolution": "to see what is said"},
        "resolveDeviationForm": {"type": "leaked", "resolution": "to see what is said"},
        "thawTubes": {"specimens": [tube], **THAWED},
        "thawPackage": THAWED,
        "thawContainer": THAWED,
        "deriveSpecimen": {**ALIQUOT, "started_at": NOW, "vials": [{"quantity": "100"}]},
        "deriveForm": {**ALIQUOT, "started_at": LOCAL, "vials.0.quantity": "100"},
        "measureSpecimen": {"measurements": [{"quantity": "rin", "text": "8.7"}]},
        "measureForm": {"quantity": "rin", "text": "8.7"},
        "recordMeasurements": {"rows": [{"specimen": tube, "quantity": "rin", "text": "8.7"}]},
        "measurementsForm": {"text": f"specimen,quantity,value\n{tube},rin,8.7"},
        "readMeasurements": {"text": f"specimen,quantity,value\n{tube},rin,8.7"},
        "addEquipment": {"site": "CHI", "code": "CF-1", "title": "Centrifuge", "kind": "centrifuge"},
        "calibrateEquipment": CALIBRATED,
        "calibrateForm": CALIBRATED,
        "setEquipmentStatus": {"status": "retired", **REASONED},
        "equipmentStatusForm": {"status": "retired", **REASONED},
        "addEquipmentProgram": {"code": "SPIN-2", "title": "Spin"},
        "addProgramForm": {"program": "SPIN-2", "program_title": "Spin"},
        "withdrawEquipmentProgram": {"reason": "to see what is said"},
        "withdrawProgramForm": {"reason": "to see what is said"},
        "addReagentLot": {"site": "CHI", "reagent": "Ficoll", "lot": "L1"},
        "changeContainer": {"row_version": 1, "name": "Another"},
        "copyContainer": {},
        "releaseSpace": {},
        "releaseSpaceForm": {},
        "reserveSpaceForm": {"name": "x", "site": "CHI", "until": LATER[:10], "places": f"{codes.box}:A2"},
        "moveContainerBackForm": {"undo": str(uuid4())},
        "changeContainerForm": {"row_version": "1", "name": "Another"},
        "copyContainerForm": {},
        "reserveSpace": {
            "name": "x",
            "site": "CHI",
            "expires_at": LATER,
            "places": [{"container": codes.box, "count": 1}],
        },
        "moveContainerBack": {"undo": str(uuid4())},
        "moveContainer": {"parent": codes.rack, "row_version": 1},
        "moveContainerForm": {"parent": codes.rack, "row_version": "1"},
        "storeTubeForm": {"tube": tube},
        "takeTubeOutForm": {"tube": tube},
        "swapTubesForm": {"first": tube, "second": codes.tube2},
        "storeTube": {"tube": tube, "box": codes.box},
        "takeTubeOut": {"tube": tube},
        "swapTubes": {"first": tube, "second": codes.tube2},
        "scan": {"text": tube, "mode": "look"},
        "undoBox": {"box": codes.box, "undos": [str(uuid4())]},
        "startStation": {"way": "hand"},
        "dropScan": {"text": tube, "mode": "store", "scanned_at": NOW, "refusal": "Taken", "reason": "Put back"},
        "addPackage": DRY_ICE,
        "changePackage": DRY_ICE,
        "add_package_form": DRY_ICE,
        "changePackageForm": DRY_ICE,
        "packItems": {"tubes": [tube]},
        "pack_items_form": {"tubes": tube},
        "unpackItem": {"tube": tube},
        "unpack_item_form": {"tube": tube},
        "cancelShipment": REASONED,
        "cancel_form": REASONED,
        "reopenShipment": REASONED,
        "reopen_form": REASONED,
        "declareShipmentLost": REASONED,
        "declare_lost_form": REASONED,
        "finishPacking": FINISH,
        "finish_packing_form": FINISH,
        "finishReceipt": FINISH,
        "finish_receipt_form": FINISH,
        "confirmDelivery": FINISH,
        "confirm_delivery_form": FINISH,
        "reconcileShipment": FINISH,
        "reconcile_form": FINISH,
        "shipShipment": SHIP,
        "ship_form": SHIP,
        "receiveTube": {"tube": tube},
        "receive_form": {"tube": tube},
        "markTubesMissing": {"tubes": [tube]},
        "mark_missing_form": {"tubes": tube},
        "resolveDiscrepancy": {"tube": tube, "resolution": "found"},
        "resolve_form": {"tube": tube, "resolution": "found"},
        "printLabels": {"codes": [tube], "stock": "l4731"},
        "printLabelsForm": {"codes": tube, "stock": "l4731"},
        "verifyLabel": {"code": tube},
        "orderLabels": {"codes": [tube], "printer": f"CHI/{codes.printer}"},
        "movePrintJobs": {"jobs": [codes.job], "printer": f"CHI/{codes.printer}", "reason": "to see what is said"},
        "movePrintJobsForm": {
            f"job.{codes.job}": "yes",
            "printer": f"CHI/{codes.printer}",
            "reason": "to see what is said",
        },
        "cancelPrintJobs": {"jobs": [codes.job], "reason": "to see what is said"},
        "cancelPrintJobsForm": {f"job.{codes.job}": "yes", "reason": "to see what is said"},
        "printAgain": {"reason": "damaged"},
        "printAgainForm": {"reason": "damaged"},
        "downloadPrintJob": {},
        "downloadPrintJobForm": {},
        "testPrinter": {},
        "testPrinterForm": {},
        "changePrinter": {"host": "127.0.0.1", "port": 9100, "dpi": 203, "stock": ROLL, "row_version": 1},
        "changePrinterForm": {"host": "127.0.0.1", "port": 9100, "dpi": 203, "stock": ROLL, "row_version": 1},
        "pausePrinter": {"paused": True, **REASONED},
        "pausePrinterForm": {"paused": "true", **REASONED},
        "setPrinterRules": {"site": "CHI", "rules": [], "seen": 0},
        "setPrinterRulesForm": {"seen": "0"},
        "addPrinter": {"site": "CHI", "name": "ZD-2", "kind": "download", "stock": "l4731"},
        "cancelPrintJob": {"reason": "to see what is said"},
        "cancelPrintJobForm": {"reason": "to see what is said"},
        "settlePrintJob": {"outcome": "came_out"},
        "settlePrintJobForm": {"outcome": "came_out"},
        "reportPrintJob": {"claim": str(uuid4()), "outcome": "waiting"},
        "verifyAppliedLabel": {"parent": tube, "code": codes.tube2},
        "verifyLabelsForm": {"parent": tube, "code": codes.tube2},
        "mintLabelRange": {"study": codes.study, "count": 1, "purpose": "Kits"},
        "mintLabelRangeForm": {"place": codes.study, "count": "1", "purpose": "Kits"},
        "issueLabelRange": {"site": "CHI"},
        "issueLabelRangeForm": {"site": "CHI"},
        "receiveLabelRange": {"label": tube},
        "receiveLabelRangeForm": {"label": tube},
        "voidLabels": {"reason": "to see what is said"},
        "voidLabelsForm": {"reason": "to see what is said"},
        "orderLabelRange": {"printer": f"CHI/{codes.printer}"},
        "printLabelRange": {"stock": "l4731"},
        "printLabelRangeForm": {"stock": "l4731"},
        "replaceLabel": {"reason": "damaged"},
        "replaceLabelForm": {"reason": "damaged"},
        "registerDuplicate": {"reason": "to see what is said"},
        "registerDuplicateForm": {"reason": "to see what is said"},
        "settleIdentity": {"outcome": "as_labelled", "reason": "to see what is said", "signature": signature()},
        "settleIdentityForm": {"outcome": "as_labelled", "reason": "to see what is said", **signature()},
        "startPicking": FINISH,
        "startPickingForm": FINISH,
        "pickTube": {"tube": tube},
        "scanAtPickList": {"text": tube},
        "pickScanForm": {"scan": tube},
        "tubeNotFound": {"tube": tube},
        "tubeShort": {"tube": tube, "note": "to see what is said"},
        "skipTube": {"tube": tube, "note": "to see what is said"},
        "substituteTube": {"tube": tube, "by": codes.tube2, "note": "to see what is said"},
        "undoPick": {"tube": tube},
        "settleLineForm": {"tube": tube, "deed": "skip", "note": "to see what is said"},
        "undoPickForm": {"tube": tube},
        "verifyPicked": {"tubes": [tube], "row_version": 1},
        "verifyPickedForm": {"tubes": tube, "row_version": 1},
        "handOverPicked": {"handed_for": "Run 14", "row_version": 1},
        "handOverPickedForm": {"handed_for": "Run 14", "row_version": 1},
        "cancelPickList": REASONED,
        "cancelPickListForm": REASONED,
        "giveUpTubeSearch": {"reason": "to see what is said"},
        "setContainerStatus": {"status": "full", "row_version": 1},
        "setContainerStatusForm": {"status": "full", "row_version": "1"},
        "giveUpForm": {"reason": "to see what is said"},
        "packPickList": {"pick_list": codes.pick_list},
        "pack_list_form": {"pick_list": codes.pick_list, "package": "1"},
        "addStateLabel": {
            "study": codes.study,
            "site": "CHI",
            "axis": "quality",
            "state": "quarantined",
            "label": "Haemolysed",
        },
        "addStateLabelForm": {"place": f"{codes.study}/CHI", "of": "quality/quarantined", "label": "Haemolysed"},
        "retireStateLabel": {"study": codes.study, "site": "CHI", "axis": "quality", "label": "Haemolysed"},
        "retireStateLabelForm": {"study": codes.study, "site": "CHI", "axis": "quality", "label": "Haemolysed"},
        "reserveTubes": {"tubes": [tube], "purpose": "Assay"},
        "reserveForm": {"tubes": tube, "purpose": "Assay", "days": "3"},
        "releaseTubes": {"tubes": [tube], "reason": "to see what is said"},
        "releaseForm": {"tubes": tube, "reason": "to see what is said"},
        "makePickList": {"tubes": [tube], "purpose": "Assay", "destination": "bench"},
        "newPickListForm": {"tubes": tube, "purpose": "Assay", "destination": "bench"},
        "plateWells": {"wells": [{"well": "A1", "code": tube}]},
        "plateListForm": {"pick_list": codes.pick_list},
        "plateWellForm": {"well": "A1", "code": tube},
        "uploadPlateMap": {"file": plate_map({"A1": "blank"})},
        "plateMapForm": {},
        "previewImport": {"file": run_file},
        "previewTable": {"file": run_file},
        "mappingForm": {},
        "rememberColumnMapping": {"study": codes.study, "mapping": table_mapping()},
        "correctMappingForm": {"known": "1"},
        "withdrawColumnMapping": {"known": 1, "reason": "to see what is said"},
        "withdrawMappingForm": {"known": "1", "reason": "to see what is said"},
        "previewForm": {},
        "readAgainForm": {},
        "importFile": {"file": run_file},
        "importForm": {},
        "verifyRun": {"reason": "to see what is said"},
        "releaseRun": {},
        "failRun": {"reason": "to see what is said"},
        "reviewForm": {"reason": "to see what is said"},
        "correctResult": {
            "well": "A1",
            "analyte": "AG-alpha",
            "quantity": "median",
            "raw_text": "1",
            "reason": "to see what is said",
        },
        "addSite": {
            "code": "NEW",
            "name": "New clinic",
            "country": "US",
            "timezone": "America/New_York",
            "address": "1 Main Street",
            "contact": "Desk",
            "phone": "+1 555 0100",
        },
        "pullResults": {"study": codes.study, "participants": [codes.participant]},
        "pullForm": {"study": codes.study, "participants": codes.participant},
        "lookAtResults": {"study": codes.study, "participants": codes.participant},
        "enrolParticipant": {"study": codes.study, "site": "CHI", "enrolled_on": DAY},
        "enrolForm": {"place": f"{codes.study}/CHI", "enrolled_on": DAY},
        "createShipment": {"study": codes.study, "from_site": "CHI", "to_site": "LAB", "purpose": "Assay"},
        "newShipmentForm": {"study": codes.study, "from_site": "CHI", "to_site": "LAB", "purpose": "Assay"},
        "planRun": {"study": codes.study, "site": "LAB", "assay": "BEADS", "name": "run-9"},
        "runsForm": {},
        "planRunForm": {"place": f"{codes.study}/LAB", "assay": "BEADS", "name": "run-9"},
        "reviseFitness": {"study": codes.study, "fitness": []},
        "pickForAssay": {"study": codes.study, "tubes": [codes.tube]},
        "pickForAssayForm": {"assay": f"{codes.study}/BEADS", "site": "LAB", f"take.{codes.tube}": "on"},
        "reviseFitnessForm": {"study": codes.study, "rules": ""},
        "createLabelTemplate": {"name": "mine", "kind": "tube", "study": codes.study, "like": "tube"},
        "newLabelTemplateForm": {"name": "mine", "kind": "tube", "study": codes.study, "like": "tube"},
        "testLabelTemplate": {},
        "startLabelTemplateDraft": {},
        "saveLabelTemplateDraft": {"row_version": 1, "content": {}},
        "publishLabelTemplateDraft": {"row_version": 1},
        "discardLabelTemplateDraft": REASONED,
        "makeLabelTemplateStandard": {},
        "saveDraftForm": {"row_version": 1, "title": "Label"},
        "previewDraftForm": {"title": "Label"},
        "testDraftForm": {"title": "Label"},
        "draftFileForm": {"row_version": 1},
        "draftPictureForm": {"row_version": 1},
        "startTemplateDraftForm": {},
        "discardTemplateDraftForm": REASONED,
        "makeStandardForm": {},
        "testTemplateForm": {},
        "testLabelTemplateAtPrinter": {"printer": "LAB/ZD-1"},
        "testTemplateAtPrinterForm": {"printer": "LAB/ZD-1"},
        "defineLabelStock": {"name": "mine", "study": codes.study, "content": MEASURES},
        "defineLabelStockForm": {"name": "mine", "study": codes.study, "gap": 3, "columns": 1, "column_gap": 3}
        | MEASURES,
        "measureLabelStock": {"seen": 1, "content": MEASURES, "note": "to see what is said"},
        "measureLabelStockForm": {"seen": 1, "note": "to see what is said"} | MEASURES,
        "drawLabelStockAnewForm": MEASURES,
        "offerLabelStock": {"offered": False, "reason": "to see what is said"},
        "offerLabelStockForm": {"offered": "false", "reason": "to see what is said"},
        "addAssayVersion": {
            "study": codes.study,
            "method": "As the kit says",
            "importer": "luminex_xponent",
            "analytes": [{"code": "AG-alpha", "title": "alpha", "name_in_file": "alpha", "unit": "MFI"}],
        },
    }


# They name nothing of a study: users, tokens, partners, analytes, a whole new thing.
OF_NO_STUDY = {
    "createUser",
    "endRole",
    "grantRole",
    "createToken",
    "revokeToken",
    "logIn",
    "logOut",
    "createStudy",
    "addParty",
    "addPartyForm",
    "addContainer",
    "addContainerForm",
    "importContainers",
    "importContainersForm",
    "addContainerTypeForm",
    "changeContainerTypeForm",
    "containerTypePage",
    "addContainerType",
    "changeContainerType",
    "getContainerType",
    "addEquipmentForm",
    "addReagentLotForm",
    "undoMove",
    "undoScan",
    "stopSpin",
    "addPrinterForm",
    "nameWorkstationForm",
    "claimPrintJob",
    "drawLabelStockForm",
    "labelStockFileForm",
    "createAnalytes",
    "createAssay",
    "createAssayForm",
    "loadSprecVersion",
    "loadSprecForm",
    "getSprecVersion",
    "downloadSprecVersion",
    "sprecVersionPage",
    "sprecVersionFile",
}
# These say it in another way than by their status: a verdict, an empty list, a form that is shown again.
ANSWERS = {
    "measurementsForm",
    "recordMeasurements",
    "readMeasurements",
    "scan",
    "startStation",
    "dropScan",
    "scanAtBench",
    "oneBenchPage",
    "benchView",
    "auditDeedPage",
    "listAuditChanges",
    "newShipmentForm",
    "reserveTubes",
    "reserveForm",
    "makePickList",
    "newPickListForm",
}
QUERIES = (
    "/find?q={tube}",
    "/api/v1/search?q={tube}",
    "/api/v1/search?q={participant}",
    "/specimens?container={box}",
    "/find?q={participant}",
    "/find?q={shipment}",
    "/find?q={plate}",
    "/find?q={pick_list}",
    "/api/v1/scan/{pick_list}",
    "/api/v1/find?q={tube}",
    "/api/v1/scan/{participant}",
    "/api/v1/scan/{shipment}",
    "/api/v1/scan/{box}",
    "/api/v1/scan/{plate}",
    "/api/v1/runs/{plate}",
    "/runs/{plate}",
    "/specimens/made?codes={tube}",
    "/specimens/process?codes={tube}",
    "/labels?codes={tube}",
    "/labels/verify?parent={tube}",
    "/api/v1/brisq?code={tube}",
    "/api/v1/brisq?shipment={shipment}",
    "/api/v1/brisq?run={run}",
    "/api/v1/brisq?participant={participant}",
    "/brisq?codes={tube}",
    "/brisq/table.csv?shipment={shipment}",
    "/api/v1/fitness?study={study}&assay=BEADS&tube={tube}",
    "/fitness?assay={study}/BEADS&tubes={tube}",
    "/api/v1/fitness/tubes?study={study}&assay=BEADS&site=LAB&participant={participant}",
    "/fitness/tubes?assay={study}/BEADS&site=LAB&participants={participant}",
    "/bench/intake?at={tube}",
    "/bench/aliquot?at={tube}",
    "/bench/intake/view?tube={tube}",
    "/bench/aliquot/view?parent={tube}",
    "/labels?codes={participant}",
    "/label-templates/tube?code={tube}",
    "/label-templates/tube?stock={stock}",
    "/api/v1/label-templates/tube/versions/1/preview?code={tube}",
    "/api/v1/specimens?participant={participant}",
    "/specimens?participant={participant}",
    "/results?study={study}&participants={participant}",
    "/api/v1/results?study={study}",
    "/api/v1/results?study={study}&participant={participant}",
)


SPAN = {"since": "2026-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}
ASKED = {
    "getContainerAt": {"at": "2026-01-01T00:00:00Z"},
    "listPastTubes": SPAN,
    "pastTubesCsv": SPAN,
}
"""What addresses that ask for more than a code are asked for."""


async def compared(client: httpx.AsyncClient, app: Litestar, secret: Codes) -> list[str]:
    """What answers otherwise about a code out of reach than about one that nothing has."""
    unknown, faults = made_up(), []
    sent, nothing = bodies(secret), bodies(unknown)
    for route in routes(app):
        takes = "{" in route.path or route.method != "GET"
        if not takes or route.permission == PUBLIC or route.name in OF_NO_STUDY:
            continue
        if route.method != "GET":
            assert route.name in sent, f"{route}: give {route.name} a body in this test"
        found = await ask(client, route, address(route, secret), sent.get(route.name))
        other = await ask(client, route, address(route, unknown), nothing.get(route.name))
        here, there = shape(found, secret), shape(other, unknown)
        if here != there:
            faults.append(f"{route}: {here[0]} instead of {there[0]}: {here[1][:300]} | {there[1][:300]}")
        guarded = here[0] == 403 and REFUSED in here[1]
        if here[0] != 404 and not guarded and route.name not in ANSWERS:
            faults.append(f"{route}: {here[0]} {here[1][:300]}")
    for query in QUERIES:
        found = await client.get(query.format(**vars(secret)))
        other = await client.get(query.format(**vars(unknown)))
        if shape(found, secret) != shape(other, unknown) or found.is_redirect or found.status_code >= 500:
            here, there = (one.splitlines() for one in (shape(found, secret)[1], shape(other, unknown)[1]))
            differing = [pair for pair in zip(here, there, strict=False) if pair[0] != pair[1]]
            faults.append(f"{query}: {found.status_code}, {other.status_code}: {differing[:2]}")
    return faults


async def shown(client: httpx.AsyncClient, app: Litestar, words: set[str]) -> list[str]:
    """The lists, pages and other addresses without a code that show any of the words."""
    faults = []
    for route in routes(app):
        if route.method == "GET" and "{" not in route.path and route.permission != PUBLIC:
            response = await client.get(route.path, params={"limit": 200} if route.is_api else {})
            faults += [f"{route} shows {word}" for word in words if word in response.text]
    return faults


async def test_another_study_is_as_if_it_were_not_there(app, api, secrets):
    codes, shared = secrets
    stranger = api("stranger")
    faults = await compared(stranger.client, app, codes)
    faults += await shown(stranger.client, app, {*codes.all(), "BEADS"})
    assert not faults, "\n".join(faults)
    assert [study["code"] for study in await stranger.see("/studies")] == ["OTH"]
    # What both studies use is there for both, and says only that the place is taken.
    looked = await stranger.see(f"/containers/{shared}/box")
    assert (looked["occupied"], [cell["code"] for cell in looked["cells"] if cell["state"] == "full"]) == (1, [None])
    for path in (
        f"/storage/{shared}",
        f"/storage/{shared}/content.csv",
        f"/storage/{shared}/past?{urlencode(SPAN)}",
        f"/api/v1/containers/{shared}",
        f"/api/v1/containers/{shared}/at?{urlencode({'at': datetime.now(UTC).isoformat()})}",
        f"/api/v1/containers/{shared}/past-tubes?{urlencode(SPAN)}",
    ):
        answer = await stranger.client.get(path)
        assert answer.status_code == 200, path
        text = answer.text
        assert not [code for code in codes.all() if code in text], path


async def test_another_site_is_as_if_it_were_not_there(app, api, secrets):
    codes, _ = secrets
    coordinator = api("coordinator_tor")
    assert not await shown(
        coordinator.client, app, set(codes.all()) - {codes.run, codes.plate, codes.template, codes.stock, codes.mapping}
    )
    unknown = made_up()
    for route in routes(app):
        noun = route.path.removeprefix("/api/v1").split("/")[1]
        if noun in {"participants", "specimens", "scan", "shipments", "storage", "containers"} and "{" in route.path:
            if route.permission not in ROLES["site_coordinator"]:
                continue
            found = await ask(coordinator.client, route, address(route, codes), bodies(codes).get(route.name))
            other = await ask(coordinator.client, route, address(route, unknown), bodies(unknown).get(route.name))
            assert found.status_code == 404, route
            assert shape(found, codes) == shape(other, unknown), route


async def test_those_within_reach_see_what_is_hidden_from_the_others(app, api, secrets):
    """The addresses of the tests above are the right ones: they answer to those who may."""
    codes, _ = secrets
    manager = api("manager").client
    faults = []
    for route in routes(app):
        if route.method == "GET" and "{" in route.path and route.permission in {*ROLES["manager"], Permission.SELF}:
            response = await manager.get(address(route, codes), params=ASKED.get(route.name))
            if response.status_code != 200:
                faults.append(f"{route}: {response.status_code} {said(response)[:200]}")
    assert not faults, "\n".join(faults)
