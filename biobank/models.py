"""Every table of the service, gathered for migrations and their drift check."""

from biobank import tx
from biobank.access import models as access
from biobank.assay import models as assay
from biobank.audit import models as audit
from biobank.db import Base
from biobank.identifier import models as identifier
from biobank.participant import models as participant
from biobank.printing import models as printing
from biobank.release import models as release
from biobank.shipment import models as shipment
from biobank.specimen import models as specimen
from biobank.storage import models as storage

metadata = Base.metadata
__all__ = [
    "access",
    "assay",
    "audit",
    "identifier",
    "metadata",
    "participant",
    "printing",
    "release",
    "shipment",
    "specimen",
    "storage",
    "tx",
]
