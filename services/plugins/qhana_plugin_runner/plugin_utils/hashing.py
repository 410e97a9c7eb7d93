"""Short names for long texts."""

import hashlib

_CONSONANTS = "bdfghjklmnprstvz"
_VOWELS = "aeio"


def get_readable_hash(s: str) -> str:
    """A name such as `bafido-kuteri-lasovi` that is the same for the same text and can be read aloud (54 bits)."""
    number = int.from_bytes(hashlib.sha256(s.encode()).digest()[:8], "big")
    syllables = []
    for _ in range(9):
        number, consonant = divmod(number, len(_CONSONANTS))
        number, vowel = divmod(number, len(_VOWELS))
        syllables.append(_CONSONANTS[consonant] + _VOWELS[vowel])
    return "-".join("".join(syllables[start : start + 3]) for start in range(0, 9, 3))
