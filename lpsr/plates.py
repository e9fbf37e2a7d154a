"""What the text of a Chinese licence plate is (GA 36-2018): alphabets, grammar, comparison.

A plate has a province character, a letter, then five letters or digits (blue, 7 characters) or six (green, new
energy, 8 characters). The letters I and O are not used.
"""

import re
import unicodedata

PROVINCES = "皖沪津渝冀晋蒙辽吉黑苏浙京闽赣鲁豫鄂湘粤桂琼川贵云藏陕甘青宁新"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
DIGITS = "0123456789"
SERIAL = LETTERS + DIGITS
ALPHABET = PROVINCES + LETTERS + DIGITS
LENGTHS = (7, 8)

_SEPARATORS = re.compile(r"[\s·•・∙⋅‧.\-_:：。,，'|]+")


def alphabet_at(position: int) -> str:
    """The characters that the grammar allows at ``position`` (0 is the province)."""
    if position < 0 or position >= max(LENGTHS):
        raise ValueError(f"a plate has positions 0 to {max(LENGTHS) - 1}, not {position}")
    return PROVINCES if position == 0 else LETTERS if position == 1 else SERIAL


def normalise(text: str) -> str:
    """Upper-case, full-width folded to ASCII, separators such as the middle dot removed."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()


def is_plate(text: str) -> bool:
    """Whether ``text`` (already normalised) follows the grammar of a 7- or 8-character plate."""
    return len(text) in LENGTHS and all(character in alphabet_at(i) for i, character in enumerate(text))


def matches(truth: str, reading: str) -> list[bool]:
    """For each character of ``truth``, whether ``reading`` has it at the same position.

    A reading that lacks the province ("A12345" for "皖A12345") is aligned at its right end, since the province is
    what general readers miss most; everything else is compared position by position, as plates are.
    """
    if len(reading) == len(truth) - 1 and reading[:1] not in PROVINCES:
        reading = "\0" + reading
    return [i < len(reading) and reading[i] == character for i, character in enumerate(truth)]
