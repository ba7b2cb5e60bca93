"""Studies over JSON."""

from litestar import Controller, Router, get, post
from litestar.params import FromPath, JSONBody

from biobank.actor import Permission
from biobank.http.deps import Key, Reading, Writing
from biobank.study import commands, queries
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


router = Router("/api/v1", route_handlers=[StudyController])
