"""What is remembered of the columns of tables, over JSON."""

from litestar import Controller, Router, get, post
from litestar.params import FromPath, JSONBody

from biobank.actor import Permission
from biobank.assay import mappings
from biobank.assay.api import Before
from biobank.assay.mapping_views import MappingRow, MappingView
from biobank.http.deps import Key, Reading, Writing
from biobank.http.paging import Limit
from biobank.paging import Page

READ = {"permission": Permission.ASSAY_READ}
RUN = {"permission": Permission.ASSAY_RUN}


class ColumnMappingController(Controller):
    """A mapping is named by its study and by the signature of the header that it is for."""

    path = "/column-mappings"
    tags = ("Runs",)

    @get(operation_id="listColumnMappings", opt=READ)
    async def listed(self, tx: Reading, before: Before = None, limit: Limit = 50) -> Page[MappingRow]:
        return await mappings.mappings(tx, before=before, limit=limit)

    @post(operation_id="rememberColumnMapping", opt=RUN)
    async def remember(self, tx: Writing, data: JSONBody[mappings.RememberMapping], key: Key) -> MappingView:
        """Says what the columns of a header mean; the next file with it is read so. `known` is the version that was
        seen, 0 for none.
        """
        return await tx.once(key, data, MappingView, lambda: mappings.remember(tx, data))

    @get("/{study:str}/{signature:str}", operation_id="getColumnMapping", opt=READ)
    async def mapping(self, tx: Reading, study: FromPath[str], signature: FromPath[str]) -> MappingView:
        return await mappings.mapping(tx, study, signature)

    @post("/{study:str}/{signature:str}/withdraw", operation_id="withdrawColumnMapping", opt=RUN)
    async def withdraw(
        self,
        tx: Writing,
        study: FromPath[str],
        signature: FromPath[str],
        data: JSONBody[mappings.WithdrawMapping],
        key: Key,
    ) -> MappingView:
        """Ends a mapping: the next file with its header is looked at anew. Runs that were read by it stay as they
        are.
        """
        return await tx.once(
            key,
            data,
            MappingView,
            lambda: mappings.withdraw(tx, study, signature, data),
            of=f"{study}/{signature}",
        )


router = Router("/api/v1", route_handlers=[ColumnMappingController])
