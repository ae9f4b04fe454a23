"""Numbers spelled out in English: "twenty-one" is 21."""

from __future__ import annotations

_SMALL = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
    fifteen sixteen seventeen eighteen nineteen
"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_VALUES = {word: value for value, word in enumerate(_SMALL.split())}
_VALUES |= {word: 10 * value for value, word in enumerate(_TENS.split(), start=2)}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}


def _whole(words: list[str]) -> int:
    total = part = 0
    for word in words:
        if word == "hundred":
            part = max(part, 1) * 100
        elif word in _SCALES:
            total, part = total + max(part, 1) * _SCALES[word], 0
        else:
            part += _VALUES[word]
    return total + part


def spelled_number(text: str) -> str:
    """The number that `text` spells, in digits; `text` itself where it spells none.

    As the evaluation's word-to-number step does, words that are not number words are passed over
    ("about two" gives "2"), and plain digits lose their leading zeros ("045" gives "45").
    """
    words = text.replace("-", " ").lower()
    if words.isdigit() and words.isascii() and len(words) < 1000:
        return str(int(words))
    known = [w for w in words.split() if w in _VALUES or w in _SCALES or w in ("hundred", "point")]
    repeated = any(known.count(w) > 1 for w in (*_SCALES, "point"))
    if not known or repeated or known == ["point"]:
        return text
    before, _, after = " ".join(known).partition("point")
    decimals = after.split()
    if any(_VALUES.get(word, 10) > 9 for word in decimals):
        return text
    number = str(_whole(before.split()))
    return f"{number}.{''.join(str(_VALUES[w]) for w in decimals)}" if decimals else number
