"""Every constraint of the database that people can run into, and what they are told."""

from biobank.access import rules as access_rules
from biobank.accession import rules as accession_rules
from biobank.assay import rules as assay_rules
from biobank.delivery import rules as delivery_rules
from biobank.disposal import rules as disposal_rules
from biobank.equipment import rules as equipment_rules
from biobank.labelling import rules as labelling_rules
from biobank.participant import rules as participant_rules
from biobank.picking import rules as picking_rules
from biobank.preanalytics import rules as preanalytics_rules
from biobank.printer import rules as printer_rules
from biobank.printing import rules as printing_rules
from biobank.protocol import rules as protocol_rules
from biobank.rackscan import rules as rackscan_rules
from biobank.release import rules as release_rules
from biobank.shipment import rules as shipment_rules
from biobank.signature import rules as signature_rules
from biobank.specimen import rules as specimen_rules
from biobank.specimen import state_label
from biobank.stock import rules as stock_rules
from biobank.storage import rules as storage_rules
from biobank.study import rules as study_rules
from biobank.template import rules as template_rules
from biobank.violations import ConstraintErrors
from biobank.withdrawal import rules as withdrawal_rules

CONSTRAINTS: ConstraintErrors = {
    **access_rules.CONSTRAINTS,
    **signature_rules.CONSTRAINTS,
    **study_rules.CONSTRAINTS,
    **protocol_rules.CONSTRAINTS,
    **equipment_rules.CONSTRAINTS,
    **participant_rules.CONSTRAINTS,
    **shipment_rules.CONSTRAINTS,
    **storage_rules.CONSTRAINTS,
    **rackscan_rules.CONSTRAINTS,
    **picking_rules.CONSTRAINTS,
    **preanalytics_rules.CONSTRAINTS,
    **printer_rules.CONSTRAINTS,
    **printing_rules.CONSTRAINTS,
    **delivery_rules.CONSTRAINTS,
    **labelling_rules.CONSTRAINTS,
    **stock_rules.CONSTRAINTS,
    **template_rules.CONSTRAINTS,
    **specimen_rules.CONSTRAINTS,
    **state_label.CONSTRAINTS,
    **accession_rules.CONSTRAINTS,
    **assay_rules.CONSTRAINTS,
    **release_rules.CONSTRAINTS,
    **disposal_rules.CONSTRAINTS,
    **withdrawal_rules.CONSTRAINTS,
}
