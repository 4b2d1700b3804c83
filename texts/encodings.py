"""The encoding of a text, recognized by the accents and signs of Spanish."""

import codecs
import re

BYTE_ENCODINGS = ("cp1252", "cp850", "mac-roman")
"""The encodings of one byte per character, the most usual first."""
SAMPLE = 50_000  # characters that show the encoding
LONGEST_WORD = 40  # bytes of a word of the sample
# The accents and signs of Spanish in their places: no capital follows a small letter, and no sign
# is between small letters.
_SPANISH = re.compile(
    "[áéíóúüñ](?=[a-z])|(?<=[A-Za-z])[áéíóúüñ](?![A-Z])|(?<![a-z])[ÁÉÍÓÚÜÑ](?=[A-Za-z])"
    "|(?<=[A-Z])[ÁÉÍÓÚÜÑ](?![a-z])|(?<![a-z])[«»“”‘’–—…°ºª€]|[«»“”‘’–—…°ºª€](?![a-z])"
    "|[¿¡](?=[A-Za-zÁÉÍÓÚÑáéíóúñ])"
)


def guess_encoding(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    zeros = [content[place:200:2].count(0) for place in (0, 1)]
    few = len(content[:200]) // 4
    if len(content) > 3 and min(zeros) < few < max(zeros):
        return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
    try:
        content.decode()
    except UnicodeDecodeError:
        accented = accented_part(content)
        return max(
            BYTE_ENCODINGS, key=lambda name: len(_SPANISH.findall(accented.decode(name, "replace")))
        )
    return "utf-8-sig"


def accented_part(content: bytes) -> bytes:
    """The part that begins with the first word that is not ASCII."""
    first = re.search(rb"[\x80-\xff]", content)
    start = max(first.start() - LONGEST_WORD, 0) if first else len(content)
    return content[start : start + SAMPLE]
