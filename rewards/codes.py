"""Codes at rest: encrypted to be shown again, found by a keyed digest, masked everywhere else.

The ciphertext (AES-256-GCM) is bound to the digest, so a ciphertext moved to another row is not read as that row's
code. The encryption key comes from LAUREL_CODE_KEY and may be rotated: older keys in LAUREL_CODE_KEY_FALLBACKS still
decrypt. The digest comes from LAUREL_KEY_PEPPER, so that look-ups survive a rotation.
"""

from __future__ import annotations

import hmac
import os
import secrets
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from loyalty.programs.models import Program
from rewards.errors import CodeUnreadable
from rewards.models import Code

ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # nothing that is mistaken for something else
LENGTH: Final = 12  # of 32 signs: 60 bits
LONGEST: Final = 200
_KEY_ID, _NONCE = 4, 12
_DOTS: Final = "••••"


class Sealed(NamedTuple):
    """A code as the database keeps it."""

    ciphertext: bytes
    digest: bytes
    last_four: str


def generate() -> str:
    """A new code that nobody guesses, such as 7K3M-9QXD-4T2W."""
    signs = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return _grouped(signs)


def seal(program_id: int, text: str) -> Sealed:
    """What is stored of a code."""
    digest = digest_of(program_id, text)
    return Sealed(encrypt(text.encode(), bound_to=digest), digest, _shown(text))


def reveal(code: Code) -> str:
    """The code itself, for whom it was issued to. Raises CodeUnreadable."""
    return decrypt(bytes(code.ciphertext), bound_to=bytes(code.digest)).decode()


def masked(code: Code) -> str:
    """The code as screens, logs and answers show it: always as many dots, with its last signs."""
    return _DOTS + code.last_four


def mask(text: str) -> str:
    """The same of a code in hand."""
    return _DOTS + _shown(text)


def _shown(text: str) -> str:
    return text[-4:] if len(text) >= 8 else text[4:]  # of a short code the mask must not show most


def find(program: Program, text: str) -> Code | None:
    """The code that somebody typed or scanned, within a program. Our own ones in any case, with or without dashes."""
    trimmed = unicodedata.normalize("NFC", text.strip())
    if not trimmed or len(trimmed) > LONGEST:
        return None
    digests = [digest_of(program.pk, spelling) for spelling in {trimmed, _canonical(trimmed)}]
    return Code.objects.filter(program=program, digest__in=digests).select_related("reward").first()


def digest_of(program_id: int, text: str) -> bytes:
    """By what a code is found. Programs do not see each other's codes, so the program is part of it."""
    return hmac.digest(
        _derived(settings.KEY_PEPPER, b"codes: look-up"), f"{program_id}:{text}".encode(), "sha256"
    )


def encrypt(data: bytes, *, bound_to: bytes) -> bytes:
    """`data` under the present key."""
    key = _derived(settings.CODE_KEY, b"codes: encryption")
    nonce = os.urandom(_NONCE)
    return _id_of(key) + nonce + AESGCM(key).encrypt(nonce, data, bound_to)


def decrypt(sealed: bytes, *, bound_to: bytes) -> bytes:
    """What `encrypt` was given, under the present or an earlier key. Raises CodeUnreadable."""
    key_id, nonce, ciphertext = (
        sealed[:_KEY_ID],
        sealed[_KEY_ID : _KEY_ID + _NONCE],
        sealed[_KEY_ID + _NONCE :],
    )
    for key in _keys():
        if _id_of(key) == key_id:
            try:
                return AESGCM(key).decrypt(nonce, ciphertext, bound_to)
            except InvalidTag as wrong:
                raise CodeUnreadable("The code does not belong to its row.") from wrong
    raise CodeUnreadable


def is_current(sealed: bytes) -> bool:
    """Whether it is under the present key, so that an earlier one is not needed for it."""
    return sealed[:_KEY_ID] == current_id()


def current_id() -> bytes:
    """What everything under the present key begins with."""
    return _id_of(_derived(settings.CODE_KEY, b"codes: encryption"))


def _keys() -> Iterator[bytes]:
    for secret in (settings.CODE_KEY, *settings.CODE_KEY_FALLBACKS):
        yield _derived(secret, b"codes: encryption")


@lru_cache(maxsize=16)
def _derived(secret: str, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=purpose).derive(secret.encode())


@lru_cache(maxsize=16)
def _id_of(key: bytes) -> bytes:
    digest = Hash(SHA256())
    digest.update(key)
    return digest.finalize()[:_KEY_ID]


def _canonical(text: str) -> str:
    signs = "".join(sign for sign in text.upper() if sign.isalnum())
    return _grouped(signs) if len(signs) == LENGTH else text


def _grouped(signs: str) -> str:
    return "-".join(signs[start : start + 4] for start in range(0, len(signs), 4))
