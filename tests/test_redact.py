"""Keys never reach what is recorded."""

import base64
import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolworthy.base.redact import Redactor

SECRET = 'k3y/with"quote+and=more'


def test_every_form_of_a_secret_goes() -> None:
    redact = Redactor([SECRET])
    forms = [
        SECRET,
        'k3y/with\\"quote+and=more',
        "k3y%2Fwith%22quote%2Band%3Dmore",
        base64.b64encode(SECRET.encode()).decode(),
    ]
    for form in forms:
        assert form.rstrip("=") not in redact.text(f"before {form} after")


def _each(pattern: str) -> str:
    return "".join(pattern.format(ord(char)) for char in SECRET)


@pytest.mark.parametrize(
    "form",
    [
        _each("\\{:03o}"),
        "".join(f"\\N{{{unicodedata.name(char)}}}" for char in SECRET),
        SECRET.replace("/", "&sol;").replace("+", "&plus;").replace("=", "&equals;").replace('"', "&QUOT;"),
        _each("\\\\{:03o}"),
        _each("&#{:020d};"),
        _each("&#x{:020x};"),
        _each("&amp;#{};"),
        _each("\\u0026#{};"),
        _each("\\u0025{:02x}"),
        "-".join(_each("{:02x}")[i : i + 2] for i in range(0, 2 * len(SECRET), 2)),
        _each("={:02X}"),
        _each("0x{:02x}', '"),
        _each("{:02x}        "),
        "\n".join(_each("{:02x}")[i : i + 3] for i in range(0, 2 * len(SECRET), 3)),
    ],
)
def test_what_can_be_seen_and_not_cut_out_is_not_kept(form: str) -> None:
    redact = Redactor([SECRET])
    assert redact.text(f"before {form} after") == "[redacted]" or form not in redact.text(form)
    assert form.encode() not in b"".join(redact.pieces([b"before ", form.encode(), b" after"]))


def test_keys_of_known_shapes_go_even_if_nobody_named_them() -> None:
    assert "abcdefghij" not in Redactor([]).text("key sk-proj-abcdefghij0123456789 end")
    assert Redactor([]).text("sk-toolworthy-placeholder") == "sk-toolworthy-placeholder"


def test_headers_that_carry_credentials_keep_only_their_names() -> None:
    headers = {"Authorization": "Bearer x", "X-Api-Key": "y", "Set-Cookie": "z", "Content-Type": "text/plain"}
    assert Redactor([]).headers(headers) == {
        "authorization": "[redacted]",
        "x-api-key": "[redacted]",
        "set-cookie": "[redacted]",
        "content-type": "text/plain",
    }


@given(st.lists(st.integers(0, 60), max_size=6), st.binary(max_size=20), st.binary(max_size=20))
def test_a_secret_that_straddles_pieces_goes(cuts: list[int], before: bytes, after: bytes) -> None:
    secret = b"topsecret-value-42"
    whole = before + secret + after
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[a:b] for a, b in itertools.pairwise(places)]
    out = Redactor([secret.decode()]).pieces(pieces)
    assert len(out) == len(pieces)
    assert secret not in b"".join(out)
    assert b"".join(out) == whole.replace(secret, b"[redacted]")


@pytest.mark.parametrize("run", ["\\", "\\\\n", "&", "&amp;", "&#38;", "%25", "%", "73h", "A" * 76 + "\n"])
def test_looking_takes_time_in_proportion_to_what_is_looked_at(run: str) -> None:
    """A million characters of what escapes are made of. Looked at from every place in it, it would take hours."""
    redactor = Redactor(["sk-Zq7/Kp+2Wd9XcV4bN6mT1s"])
    assert not redactor.holds((run * (10**6 // len(run))).encode())
