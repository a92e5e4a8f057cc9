"""Names that look alike and are two: letters of other alphabets, and digits, drawn like ours.

"Bea" may be written with Cyrillic letters, "Ines" with a small L. Where two names stand under a
payment they must be two to a reader too. Only shapes that most fonts draw alike are taken together
(as in Unicode's confusables, UTS 39, for the letters that names of our readers hold).
"""

from __future__ import annotations

_DRAWN = str.maketrans(
    # Cyrillic capitals, Cyrillic small letters, Greek capitals, Greek small letters.
    "АВЕЅІЈКМНОРСТУХԌԚԜ" "аеоѕіјрсухһԛԝ" "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ" "αικνορυ" "I1|0",
    "ABESlJKMHOPCTYXGQW" "aeosijpcyxhqw" "ABEZHlKMNOPTYX" "aikvopu" "lllo",
)  # fmt: skip


def drawn(handle: str) -> str:
    """Equal for handles that a reader could take for one another."""
    return handle.translate(_DRAWN).casefold()
