"""Passwords and tokens: argon2id for what people remember, SHA-256 for what is random anyway."""

import asyncio
import base64
import hashlib
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from argon2.low_level import ARGON2_VERSION

_HASHER = PasswordHasher()
_QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
TOKEN_PREFIX = "bbk_"  # noqa: S105  # marks our tokens, so that scanners of leaked secrets can find them


def _random(size: int) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")


def _of_nobody() -> str:
    """What no password fits, as costly to compare with as the hash of one. It is put together: to hash something for it
    would delay every command of the command line.
    """
    cost = f"m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${cost}${_random(_HASHER.salt_len)}${_random(_HASHER.hash_len)}"


_NOBODY = _of_nobody()


async def hash_password(password: str) -> str:
    return await asyncio.to_thread(_HASHER.hash, password)


def passing_hash(password: str) -> str:
    """As quick to verify as may be, for a random password that `hash_password` is to hash again before anybody gets to
    know it.
    """
    return _QUICK.hash(password)


async def verify_password(password: str, stored: str | None) -> bool:
    """Takes the same time whether the user exists or not, and never blocks the event loop."""
    return await asyncio.to_thread(_verify, password, stored or _NOBODY) and stored is not None


def _verify(password: str, stored: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def new_token() -> str:
    """256 random bits, URL-safe."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """A random token needs no slow hash: there is nothing to guess."""
    return hashlib.sha256(token.encode()).digest()
