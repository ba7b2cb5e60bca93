"""Signatures on forms: what they hold of one, and what a form that comes back may show again."""

from collections.abc import Mapping

_SECRET = frozenset({"password", "_key", "_csrf_token"})


def typed(data: Mapping[str, str]) -> dict[str, str]:
    """What a form may show again: never the password."""
    return {name: value for name, value in data.items() if name not in _SECRET}


def signature_of(data: Mapping[str, str]) -> dict[str, str]:
    return {name: data.get(name, "") for name in ("password", "meaning")}
