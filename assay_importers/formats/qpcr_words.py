"""What qPCR software calls things, whoever wrote it: missing cycles, tasks of wells, names of columns."""

from __future__ import annotations

from assay_importers.contract import Flag, Role

WORDS: dict[str, Flag] = {
    "undetermined": "not_reported",
    "undet": "not_reported",
    "no ct": "not_reported",
    "no cq": "not_reported",
    "n/a": "not_reported",
    "n.d.": "not_reported",
    "inconclusive": "not_reported",
    "omit": "masked",
}

_ROLES: dict[str, Role] = {
    "unknown": "unknown",
    "unkn": "unknown",
    "sample": "unknown",
    "standard": "standard",
    "std": "standard",
    "ntc": "control",
    "nrt": "control",
    "no_template_control": "control",
    "no template control": "control",
    "neg ctrl": "control",
    "pos ctrl": "control",
    "negative control": "control",
    "positive control": "control",
    "endogenous control": "unknown",
    "endogenous_control": "unknown",
    "target": "unknown",
    "ipc": "control",
    "blocked_ipc": "control",
    "blank": "blank",
    "calibrator": "unknown",
}


def role(task: str) -> Role | None:
    """The role of a well with this task or type: `NTC`, `Std-1`, `Neg Ctrl`; None for other texts."""
    text = task.strip().casefold()
    known = _ROLES.get(text)
    if known is None and "-" in text:
        # CFX counts them: Unkn-01, Std-1.
        known = _ROLES.get(text.rpartition("-")[0])
    return known


def is_cycle(column: str) -> bool:
    """Whether a column holds the cycle of quantification, however it is written: CT, Ct, Cq, Cp, CRT, Cт."""
    return column.strip().casefold().replace("т", "t") in {"ct", "cq", "cp", "crt", "eq.ct"}
