"""The check of LZW data agrees with a decoder that trusts nothing."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiles.lzw import CLEAR, END, FIRST, lzw_problem


def packed(codes: list[int]) -> bytes:
    """A strip of 9-bit codes, padded with zeros."""
    bits = "".join(f"{code:09b}" for code in codes)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def decoded(strip: bytes) -> bytes | None:
    """TIFF 6.0, section 13, word for word; None where a code names no entry."""
    bits = "".join(f"{byte:08b}" for byte in strip)
    table: list[bytes] = []
    out, before, place = b"", b"", 0
    width = 9
    while place + width <= len(bits):
        code, place = int(bits[place : place + width], 2), place + width
        if code == END:
            break
        if code == CLEAR:
            table = [bytes([byte]) for byte in range(256)] + [b"", b""]
            width, before = 9, b""
            continue
        if not table or (code > len(table) if before else code > 255):
            return None
        entry = table[code] if code < len(table) else before + before[:1]
        if before:
            table.append(before + entry[:1])
        out, before = out + entry, entry
        width = 9 + sum(len(table) >= limit for limit in (511, 1023, 2047))
    return out


PIECES = st.lists(st.tuples(st.binary(min_size=1, max_size=40), st.integers(1, 300)), max_size=12)


@given(PIECES)
def test_good_strips_pass(pieces):
    raw = b"".join(piece * times for piece, times in pieces)
    strip = imagecodecs.lzw_encode(raw)
    assert lzw_problem(strip) is None
    assert decoded(strip) == raw


def test_a_strip_that_fills_its_table_passes():
    strip = imagecodecs.lzw_encode(np.random.default_rng(0).bytes(100_000))
    assert lzw_problem(strip) is None


@settings(max_examples=300)
@given(
    st.binary(min_size=1, max_size=3000), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=3)
)
def test_changed_strips_pass_where_they_can_be_decoded(raw, changes):
    strip = bytearray(imagecodecs.lzw_encode(raw))
    for place, byte in changes:
        strip[2 + place % (len(strip) - 2)] = byte
    expected = decoded(bytes(strip))
    assert (lzw_problem(bytes(strip)) is None) == (expected is not None)


@settings(max_examples=300)
@given(st.lists(st.integers(0, 511), max_size=200))
def test_codes_at_random(codes):
    strip = packed([CLEAR, *codes, END])
    assert (lzw_problem(strip) is None) == (decoded(strip) is not None)


@pytest.mark.parametrize(
    ("strip", "words"),
    [
        (b"", None),
        (b"\x80", "without codes"),
        (b"\x00\x01\x02", "begin with a clear code"),
        (packed([1, 2, END]), "begin with a clear code"),
        (packed([CLEAR, 300, 0, 0, END]), "corrupt"),
        (packed([CLEAR, 7, FIRST + 1, END]), "corrupt"),
        (packed([CLEAR, 7, FIRST, FIRST + 1, END]), None),
        (packed([CLEAR] * 100_000), "all the time"),
    ],
)
def test_what_is_wrong_is_named(strip, words):
    problem = lzw_problem(strip)
    assert problem is None if words is None else words in (problem or "")
