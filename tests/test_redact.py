"""Keys never reach what is recorded."""

import base64
import itertools

from hypothesis import given
from hypothesis import strategies as st

from toolworthy.redact import Redactor

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
