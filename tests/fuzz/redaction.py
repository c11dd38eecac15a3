"""Answers from which a key is taken out: bodies in pieces, texts, and what is packed."""

from __future__ import annotations

import base64
import gzip

from tests.support.examples import recorded
from toolworthy.base.packing import pack, unpack
from toolworthy.base.redact import Redactor
from toolworthy.records.exchange import Chunk
from toolworthy.records.sanitized import cleaned

KEY = "sk-Zq7/Kp+2Wd9"
_REDACTOR = Redactor([KEY])
SEEDS = [
    form
    for said in (KEY.encode(), KEY.encode().hex().encode(), base64.b64encode(b"x" + KEY.encode() + b"!!"))
    for form in (said, b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n' % said, gzip.compress(said))
] + ["".join(f"&#{ord(one)};" for one in KEY).encode(), "".join(f"\\u{ord(one):04x}" for one in KEY).encode()]


def one(data: bytes) -> None:
    """Whatever is taken out, nothing is left of it; and what holds none stays as it is."""
    clean = _REDACTOR.data(data)
    assert not _REDACTOR.holds(clean)
    assert _REDACTOR.data(clean) == clean
    pieces = [data[: len(data) // 3], data[len(data) // 3 :]]
    assert len(_REDACTOR.pieces(pieces)) == 2
    exchange = recorded(chunks=(Chunk(0.1, pieces[0]), Chunk(0.2, pieces[1])), request_body=data)
    left = cleaned(exchange, _REDACTOR)
    assert not _REDACTOR.holds(left.body)
    assert not _REDACTOR.holds(left.request_body)
    if inside := unpack(data, limit=2**16):
        assert len(inside.data) <= 2**16
        again = unpack(pack(inside.data, inside.coding), "deflate")
        assert again is not None
        assert again.data == inside.data
