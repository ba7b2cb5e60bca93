"""Every table of the service, gathered for migrations and their drift check."""

from biobank import tx
from biobank.access import models as access
from biobank.accession import models as accession
from biobank.assay import mapping_models
from biobank.assay import models as assay
from biobank.audit import models as audit
from biobank.catalogue import models as catalogue
from biobank.db import Base
from biobank.delivery import models as delivery
from biobank.disposal import models as disposal
from biobank.equipment import models as equipment
from biobank.identifier import models as identifier
from biobank.labelling import models as labelling
from biobank.participant import models as participant
from biobank.picking import models as picking
from biobank.preanalytics import models as preanalytics
from biobank.printer import models as printer
from biobank.printing import models as printing
from biobank.protocol import models as protocol
from biobank.rackscan import models as rackscan
from biobank.release import models as release
from biobank.shipment import models as shipment
from biobank.signature import models as signature
from biobank.specimen import models as specimen
from biobank.stock import models as stock
from biobank.storage import models as storage
from biobank.study import models as study
from biobank.template import models as template
from biobank.withdrawal import models as withdrawal

metadata = Base.metadata
__all__ = [
    "access",
    "accession",
    "assay",
    "audit",
    "catalogue",
    "delivery",
    "disposal",
    "equipment",
    "identifier",
    "labelling",
    "mapping_models",
    "metadata",
    "participant",
    "picking",
    "preanalytics",
    "printer",
    "printing",
    "protocol",
    "rackscan",
    "release",
    "shipment",
    "signature",
    "specimen",
    "stock",
    "storage",
    "study",
    "template",
    "tx",
    "withdrawal",
]
