"""Passphrases: which are taken, and how they are kept (Argon2id, argon2-cffi's defaults).

Hashing takes 64 MiB and a tenth of a second, so it runs in two threads of its own: at most two at
once, the others wait their turn, and beyond a queue they are asked to come back.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from circles.errors import InvalidError, TooManyError
from circles.web.i18n import gettext as _

CHARS_MIN = 8
BYTES_MAX = 1024
_AT_ONCE = 2
_QUEUE_MAX = 300
_RUN_CHARS_MAX = 3

T = TypeVar("T")

# Our own short list of what people write when they are asked for a secret in a hurry. Compared
# without case, spaces, signs, and digits at the end.
_COMMON_WORDS = """
    password passwort passwd passphrase passwordpassword letmein letmeinplease opensesame iloveyou
    iloveyousomuch trustno welcome welcomehome welcomeback qwerty qwertyuiop qwertzuiop azerty
    azertyuiop asdfghjkl yxcvbnm zxcvbnm qazwsx qazwsxedc adminadmin administrator secret topsecret
    secretsecret mysecret mypassword changeme changethis default football baseball basketball
    sunshine princess superman batman spiderman starwars pokemon dragon monkey shadow master
    michael jennifer charlie jessica jordan computer internet samsung iphone google facebook
    whatever nothing something anything everything hello hellohello helloworld hallo hallohallo
    goodmorning goodnight thankyou please pleaseletmein blahblah testtest testing tester test
    guest login signin user username money freedom summer winter spring autumn sommer herbst
    liverpool arsenal chelsea barcelona juventus correcthorsebatterystaple horsebatterystaple
    thequickbrownfox maryhadalittlelamb tobeornottobe onceuponatime happybirthday merrychristmas
    neighbour neighbor neighbours neighbors nachbar nachbarschaft vecino voisin circle circles
    mycircle ourcircle kreis commonfund fund treasurer steward member pledge ballot secretballot
    voting vote votesecret community solidarity together
"""
_COMMON = frozenset(_COMMON_WORDS.split())
_ROWS = (
    "01234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "qwertzuiop",
    "asdfghjkl",
    "zxcvbnm",
    "yxcvbnm",
)

_hasher = PasswordHasher()
_pool = ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="argon2")
_waiting = 0


class PassphraseError(InvalidError):
    """A passphrase that is not taken; the message says why."""

    code = "passphrase"


def check(passphrase: str, known_words: Iterable[str] = ()) -> None:
    """PassphraseError unless it is long enough, not huge, and not one that anybody would try.

    Any characters do, also spaces at the ends: nothing is trimmed or changed. `known_words` are
    what everybody knows here: the circle's name, the handle.
    """
    if len(encoded(passphrase)) > BYTES_MAX:
        raise PassphraseError(_("That is longer than we can keep. Up to about a thousand letters."))
    if len(passphrase) < CHARS_MIN:
        raise PassphraseError(_("That is too short. Eight letters at least, better four words."))
    core = _core(passphrase)
    known = {_core(word) for word in known_words} - {""}
    if core in _COMMON or core in known or _is_dull(passphrase):
        raise PassphraseError(
            _("That one is easy to guess. Put words together that only you would put together.")
        )
    rest = core
    for word in sorted(known | {"circles", "circle", "passphrase", "password"}, key=len)[::-1]:
        rest = rest.replace(word, "")
    if core and not rest:
        raise PassphraseError(
            _(
                "That is made of words everybody here knows. "
                "Put in some that only you would think of."
            )
        )


def encoded(passphrase: str) -> bytes:
    """As it was typed, in UTF-8; PassphraseError for what is no text.

    Only the form of composed letters is made one (NFC): phones and computers type an é differently.
    """
    try:
        return unicodedata.normalize("NFC", passphrase).encode()
    except UnicodeEncodeError as error:
        raise PassphraseError(
            _("There is something in it that is no letter. Type it anew.")
        ) from error


async def hash_of(passphrase: str) -> str:
    """Its Argon2id hash with salt and parameters. TooManyError when too many wait already."""
    return await _in_turn(_hasher.hash, encoded(passphrase))


async def matches(kept_hash: str | None, passphrase: str) -> bool:
    """Whether it is the one; None (nobody of that name) takes the same time and is never it."""
    if len(passphrase) > BYTES_MAX or len(encoded(passphrase)) > BYTES_MAX:
        return False
    found = await _in_turn(_verify, kept_hash or dummy_hash(), encoded(passphrase))
    return found and kept_hash is not None


def is_outdated(kept_hash: str) -> bool:
    """Whether it was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(kept_hash)


@cache
def dummy_hash() -> str:
    """The hash of nothing anybody knows, to spend the same time on an unknown handle."""
    return _hasher.hash(b"nobody is called so")


def _verify(kept_hash: str, passphrase: bytes) -> bool:
    try:
        return _hasher.verify(kept_hash, passphrase)
    except (VerificationError, InvalidHashError):
        return False


async def _in_turn(work: Callable[..., T], *args: object) -> T:
    global _waiting  # noqa: PLW0603  # one queue for the process, whatever loops run in it
    if _waiting >= _QUEUE_MAX:
        raise TooManyError(_("Very many are at the door. Try again in a minute."), retry_after_s=60)
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_pool, work, *args)
    finally:
        _waiting -= 1


def _squeezed(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def _core(text: str) -> str:
    return re.sub(r"[0-9]+$", "", _squeezed(text))


def _is_dull(passphrase: str) -> bool:
    """One short piece again and again, or a walk along the keys."""
    text = _squeezed(passphrase) or passphrase
    for length in range(1, _RUN_CHARS_MAX + 1):
        if text == (text[:length] * len(text))[: len(text)]:
            return True
    return any(text in row * 3 or text in row[::-1] * 3 for row in _ROWS)
