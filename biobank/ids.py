"""House identifiers: one type letter, eight scan-safe characters, one ISO 7064 MOD 37-2 check character.

An id carries no meaning beyond its type letter: meaning changes (a mislabel is resolved), ids do not. Bodies are drawn
at random from a space of 31**8, so two tubes of one rack do not differ by one character only.
"""

import secrets
import unicodedata
from enum import StrEnum
from typing import Protocol
from uuid import UUID, uuid4

BODY_ALPHABET = "23456789ABCDEFGHJKLMNPQRTUVWXYZ"
"""The 31 characters of body and check: no 0 1 I O S, which people and worn labels confuse."""

CHECK_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*"
"""The 37 values of ISO 7064 MOD 37-2. `*` exists in the standard and is never minted here."""

LENGTH = 10
_SEPARATORS = str.maketrans("", "", "-\u2010\u2011\u2012\u2013\u2212 \t\r\n\x1d")
_AIM_PREFIX_LENGTH = 3


class Kind(StrEnum):
    """What an identifier names; the first letter of every house id."""

    TUBE = "T"
    BOX = "B"
    KIT = "K"
    PARTICIPANT = "P"
    SHIPMENT = "X"
    LOCATION = "L"
    RACK = "R"
    PLATE = "W"
    PICK_LIST = "Q"
    BADGE = "U"
    COMMAND = "C"


class Randomness(Protocol):
    """The one thing minting needs; `secrets.SystemRandom` in service, a seeded `random.Random` in the demo."""

    def choice(self, seq: str, /) -> str: ...


class BadIdentifier(ValueError):
    """A text that is no house id. `reason` says which rule it breaks, `text` is the canonical text that was read."""

    def __init__(self, text: str, reason: str) -> None:
        self.text = text
        self.reason = reason
        super().__init__(reason)


SYSTEM_RANDOM: Randomness = secrets.SystemRandom()


def new_uuid() -> UUID:
    return uuid4()


def check_character(data: str) -> str:
    """The ISO 7064 MOD 37-2 check character of `data` (digits and A-Z), radix 2, congruence 1.

    Published vectors: G123489654321 -> Y, G123498654321 -> H, ABCDE27000069 -> C.
    """
    product = 0
    for character in data:
        product = (product + CHECK_ALPHABET.index(character)) * 2 % 37
    return CHECK_ALPHABET[(1 - product) % 37]


def mint(kind: Kind, randomness: Randomness = SYSTEM_RANDOM) -> str:
    """A fresh house id. Candidates whose check character is not scan-safe are thrown away, so no `*` ever appears."""
    while True:
        data = kind.value + "".join(randomness.choice(BODY_ALPHABET) for _ in range(LENGTH - 2))
        check = check_character(data)
        if check in BODY_ALPHABET:
            return data + check


def canonical(text: str) -> str:
    """What a scanner, a keyboard or a spreadsheet meant: NFKC, upper case, without separators, white space, GS or AIM
    prefix.
    """
    folded = unicodedata.normalize("NFKC", text).translate(_SEPARATORS).upper()
    if folded.startswith("]") and len(folded) >= _AIM_PREFIX_LENGTH:
        folded = folded[_AIM_PREFIX_LENGTH:]
    return folded


def looks_like_house_id(text: str) -> bool:
    """True when `text` has the shape of a house id, whatever its check character: then a wrong check is a misread, not
    a foreign code.
    """
    return len(text) == LENGTH and text[0] in set(Kind) and all(character in CHECK_ALPHABET for character in text)


def parse(text: str) -> tuple[Kind, str]:
    """Kind and canonical id of a scanned text.

    Raises:
        BadIdentifier: wrong length, unknown type letter, a character outside the alphabet, or a wrong check character.
    """
    code = canonical(text)
    if len(code) != LENGTH:
        raise BadIdentifier(code, f"a house id has {LENGTH} characters, this has {len(code)}")
    if code[0] not in set(Kind):
        raise BadIdentifier(code, f"no house id starts with {code[0]}")
    for position, character in enumerate(code[1:], start=2):
        if character not in BODY_ALPHABET:
            raise BadIdentifier(code, f"character {position} ({character}) is never used in a house id")
    if check_character(code[:-1]) != code[-1]:
        raise BadIdentifier(code, "the check character is wrong: a character was misread or two were swapped")
    return Kind(code[0]), code


def grouped(code: str) -> str:
    """A house id in groups for the eye, `TKQ7-M3X9-V7`; any other text unchanged. The separators are never encoded."""
    if len(code) != LENGTH or not code.isalnum():
        return code
    return f"{code[:4]}-{code[4:8]}-{code[8:]}"
