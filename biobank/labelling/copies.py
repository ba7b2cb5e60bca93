"""How often the label of a tube was printed: two copies can be on two tubes."""

from sqlalchemy import BigInteger, Integer, column, func, select, table

from biobank.identifier.models import HOUSE, Identifier
from biobank.tx import ReadTx

_PRINTS = table("label_print", column("identifier_id", BigInteger), column("copy_no", Integer))


async def copies(tx: ReadTx, specimen_id: int) -> int:
    """The highest copy number of any label that is valid on a tube; 0 where none was printed."""
    highest = (
        select(func.max(_PRINTS.c.copy_no))
        .join(Identifier, Identifier.id == _PRINTS.c.identifier_id)
        .where(Identifier.specimen_id == specimen_id, Identifier.namespace == HOUSE, Identifier.status == "active")
    )
    return int((await tx.session.execute(highest)).scalar_one() or 0)
