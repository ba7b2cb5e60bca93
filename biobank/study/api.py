"""Studies over JSON."""

from litestar import Controller, Router, get, post
from litestar.params import FromPath, JSONBody

from biobank.actor import Permission
from biobank.http.deps import Key, Reading, Writing
from biobank.study import commands, documents, queries
from biobank.study.documents import ConsentDocumentSpec, ConsentDocumentView
from biobank.study.queries import StudyView


class StudyController(Controller):
    path = "/studies"
    tags = ("Studies",)

    @get(operation_id="listStudies", opt={"permission": Permission.STUDY_READ})
    async def studies(self, tx: Reading) -> list[StudyView]:
        return await queries.studies(tx)

    @post(operation_id="createStudy", opt={"permission": Permission.STUDY_MANAGE})
    async def create(self, tx: Writing, data: JSONBody[commands.CreateStudy], key: Key) -> StudyView:
        return await tx.once(key, data, StudyView, lambda: commands.create_study(tx, data))

    @post("/{study:str}/sites", operation_id="addSite", opt={"permission": Permission.STUDY_MANAGE})
    async def add_site(
        self, tx: Writing, study: FromPath[str], data: JSONBody[commands.AddSite], key: Key
    ) -> StudyView:
        return await tx.once(key, data, StudyView, lambda: commands.add_site(tx, study, data), of=study)

    @get("/{study:str}/consent-forms", operation_id="listConsentForms", opt={"permission": Permission.STUDY_READ})
    async def consent_forms(self, tx: Reading, study: FromPath[str]) -> list[ConsentDocumentView]:
        return list(await documents.documents(tx, study))

    @post("/{study:str}/consent-forms", operation_id="addConsentForm", opt={"permission": Permission.STUDY_MANAGE})
    async def add_consent_form(
        self, tx: Writing, study: FromPath[str], data: JSONBody[ConsentDocumentSpec], key: Key
    ) -> ConsentDocumentView:
        return await tx.once(
            key, data, ConsentDocumentView, lambda: documents.add_document(tx, study, data), of=f"{study}/form"
        )

    @post(
        "/{study:str}/consent-forms/{version:str}/{language:str}/end",
        operation_id="endConsentForm",
        opt={"permission": Permission.STUDY_MANAGE},
    )
    async def end_consent_form(
        self,
        tx: Writing,
        study: FromPath[str],
        version: FromPath[str],
        language: FromPath[str],
        data: JSONBody[documents.EndApproval],
        key: Key,
    ) -> ConsentDocumentView:
        return await tx.once(
            key,
            data,
            ConsentDocumentView,
            lambda: documents.end_approval(tx, study, version, language, data),
            of=f"{study}/{version}/{language}",
        )


router = Router("/api/v1", route_handlers=[StudyController])
