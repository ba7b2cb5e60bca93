"""Passwords and tokens: argon2id for what people remember, SHA-256 for what is random anyway."""

import asyncio
import hashlib
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

_HASHER = PasswordHasher()
_NOBODY = _HASHER.hash(secrets.token_hex(16))
TOKEN_PREFIX = "bbk_"  # noqa: S105  # marks our tokens, so that scanners of leaked secrets can find them


async def hash_password(password: str) -> str:
    return await asyncio.to_thread(_HASHER.hash, password)


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
