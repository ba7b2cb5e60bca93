"""What an importer owes, as checks that any package can run on its own: see `docs/importers/writing-one.md`.

```python
from assay_importers.testing import ImporterContract, samples_in

class TestMyFormat(ImporterContract):
    importer = MyFormat()
    samples = samples_in(Path(__file__).parent / "samples")
```

Needs nothing but `assay_importers`; pytest finds the tests of the class.
"""

from assay_importers.testing.contract import (
    ImporterContract,
    check_cuts,
    check_description,
    check_nothing_is_dropped,
    check_reading,
    check_recognition,
    check_recognition_is_quick,
    check_worker,
    samples_in,
)
from assay_importers.testing.fuzz import ContractBroken, Failure, Outcome, check_promises, fuzz
from assay_importers.testing.mutations import mutate

__all__ = [
    "ContractBroken",
    "Failure",
    "ImporterContract",
    "Outcome",
    "check_cuts",
    "check_description",
    "check_nothing_is_dropped",
    "check_promises",
    "check_reading",
    "check_recognition",
    "check_recognition_is_quick",
    "check_worker",
    "fuzz",
    "mutate",
    "samples_in",
]
