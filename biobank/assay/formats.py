"""The formats of files by the names that people know them by."""

from functools import cache

from assay_importers.errors import ImporterError
from assay_importers.registry import discover


@cache
def titles() -> dict[str, str]:
    """The title of every importer by its key, in the order of titles. None where one of another package cannot be
    loaded: a key can be named nevertheless, and reading a file says what is wrong.
    """
    try:
        found = {one.key: one.title for one in discover()}
    except ImporterError:
        return {}
    return dict(sorted(found.items(), key=lambda item: item[1].casefold()))
