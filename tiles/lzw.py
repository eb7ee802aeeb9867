"""Check of LZW data before it is decoded: imagecodecs (2026.3.6 and before) can be crashed by it.

Its decoder takes the first code after a clear code for a byte without looking; a larger one makes it follow a
table entry that was never written, and the interpreter dies with it.
"""

from __future__ import annotations

import numpy as np

CLEAR, END, FIRST = 256, 257, 258
MOST_ENTRIES = 5120  # of the decoder's table; TIFF's own limit is 4096, old writers go beyond
FREE_CLEARS, BYTES_PER_CLEAR = 64, 64  # a full table takes some 6 kB; only an attack clears it all the time


def _widths() -> np.ndarray:
    """Bits of the codes that follow a clear code: one more as soon as the next entry but one would need it."""
    entries = FIRST + np.maximum(np.arange(MOST_ENTRIES - FIRST) - 1, 0)
    return np.array(9 + (entries >= 511) + (entries >= 1023) + (entries >= 2047))


WIDTHS = _widths()
STARTS = np.concatenate([[0], np.cumsum(WIDTHS)[:-1]])
LARGEST = FIRST - 1 + np.arange(len(WIDTHS))  # each code adds an entry and may name that one itself
LARGEST[0] = END


def lzw_problem(strip: bytes) -> str | None:
    """What is wrong with an LZW strip or tile of a TIFF, in a few words; None where it can be decoded.

    Codes are read as TIFF 6.0, section 13, has them: most significant bit first, widths changed one code early.
    """
    size = 8 * len(strip)
    if size < 9:
        return "an LZW strip without codes" if size else None
    raw = np.frombuffer(strip + bytes(3), np.uint8).astype(np.uint32)
    if raw[0] != CLEAR >> 1 or raw[1] & 128:
        return "an LZW strip that does not begin with a clear code"
    start, clears = 9, 1
    while start + 9 <= size:
        starts = start + STARTS[: np.searchsorted(start + STARTS + WIDTHS, size, side="right")]
        codes = _codes(raw, starts)
        stops = np.flatnonzero((codes == CLEAR) | (codes == END))
        count = stops[0] if len(stops) else len(codes)
        if (codes[:count] > LARGEST[:count]).any():
            return "a corrupt LZW strip"
        if not len(stops):
            return None if len(codes) < len(WIDTHS) else "an LZW strip that never clears its table"
        if codes[count] == END:
            return None
        start, clears = int(starts[count] + WIDTHS[count]), clears + 1
        if clears > FREE_CLEARS + len(strip) // BYTES_PER_CLEAR:
            return "an LZW strip that clears its table all the time"
    return None


def _codes(raw: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The codes that start at these bits, as wide as their place after the clear code makes them."""
    first, widths = starts >> 3, WIDTHS[: len(starts)]
    words = raw[first] << 16 | raw[first + 1] << 8 | raw[first + 2]
    return np.array(words >> (24 - (starts & 7) - widths) & ((1 << widths) - 1))
