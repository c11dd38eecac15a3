"""Keys never reach what is recorded."""

import base64
import itertools
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from toolworthy.base.redact import MARK, Redactor, credential, looks_like_key

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
    assume(b"sk-" not in before)  # with which it has the shape of a longer key
    secret = b"topsecret-value-42"
    whole = before + secret + after
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[a:b] for a, b in itertools.pairwise(places)]
    out = Redactor([secret.decode()]).pieces(pieces)
    assert len(out) == len(pieces)
    assert secret not in b"".join(out)
    assert b"".join(out) == whole.replace(secret, b"[redacted]")


@pytest.mark.slow
@pytest.mark.parametrize("run", ["\\", "\\\\n", "&", "&amp;", "&#38;", "%25", "%", "73h", "A" * 76 + "\n"])
def test_looking_takes_time_in_proportion_to_what_is_looked_at(run: str) -> None:
    """A million characters of what escapes are made of. Looked at from every place in it, it would take hours."""
    redactor = Redactor(["sk-Zq7/Kp+2Wd9XcV4bN6mT1s"])
    assert not redactor.holds((run * (10**6 // len(run))).encode())


@pytest.mark.parametrize(
    "begin", ["sk-", "sk-ant-", "sk-or-", "sk-proj-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "AIza"]
)
def test_each_shape_of_a_vendors_keys_goes(begin: str) -> None:
    """Alone in a text: no other shape makes anyone look."""
    key = begin + "Ab0" * 12
    assert Redactor([]).text(f"key {key} end") == "key [redacted] end"
    cut = Redactor([]).pieces([f"key {key[:9]}".encode(), f"{key[9:]} end".encode()])
    assert b"".join(cut) == b"key [redacted] end"


def test_keys_of_every_shape_go_from_one_text() -> None:
    keys = [begin + "Ab0" * 12 for begin in ("sk-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "AIza")]
    assert Redactor([]).text(" and ".join(keys)) == " and ".join(["[redacted]"] * 7)


def test_a_shape_that_is_too_short_or_within_a_word_is_none() -> None:
    for text in ("sk-learn-01234", "risk-Ab0Ab0Ab0Ab0Ab0Ab0", "ghx_" + "Ab0" * 12):
        assert Redactor([]).text(text) == text


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Proxy-Authorization",
        "X-Auth",
        "x_auth",
        "apikey",
        "Api-Key",
        "api_key",
        "X-Functions-Key",
        "Cookie",
        "Set-Cookie",
        "X-Amz-Security-Token",
        "Client-Secret",
        "X-Credential",
        "X-Password",
        "X-Passwd",
        "X-Pwd",
        "X-Sig",
        "X-Signature",
    ],
)
def test_each_name_of_a_header_that_carries_a_credential_is_known(name: str) -> None:
    assert credential(name)
    assert credential(name.upper())


@pytest.mark.parametrize(
    "name", ["content-type", "x-author", "x-monkey", "x-signal", "etag", "keep-alive", "x-keyboard"]
)
def test_other_headers_are_kept(name: str) -> None:
    assert not credential(name)


@pytest.mark.parametrize(
    "begin",
    [
        *("sk-", "pk-", "rk-", "gsk-", "csk-", "pplx-", "xai-", "nvapi-", "glpat-"),
        *("sk_", "gsk_", "fw_", "hf_", "r8_", "nvapi_", "tgp_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
        *("AIza", "eyJ", "Bearer "),
    ],
)
@pytest.mark.parametrize("before", ["", "key=", "a "])
def test_each_beginning_of_a_key_is_known_where_none_should_be(before: str, begin: str) -> None:
    assert looks_like_key(f"{before}{begin}abcdefgh", by_looks=False)
    assert not looks_like_key(f"{before}x{begin}abcdefgh", by_looks=False)
    assert not looks_like_key(f"{before}{begin}abcdefgh", by_looks=False, shapes=False)


def test_a_key_is_known_by_its_looks_unless_these_do_not_count() -> None:
    assert looks_like_key("AKIAABCDEFGH", by_looks=False)
    assert looks_like_key("/accounts/" + "a1" * 12, shapes=False)
    for text in ("/accounts/" + "a1" * 11, "a" * 30, "1" * 30):
        assert not looks_like_key(text)
    assert not looks_like_key("/accounts/" + "a1" * 12, by_looks=False)


def test_what_is_shorter_than_a_secret_is_none() -> None:
    assert Redactor(["1234567"]).text("1234567") == "1234567"
    assert Redactor(["12345678"]).text("12345678") == "[redacted]"
    assert Redactor(["Bearer 12345678"]).text("12345678") == "[redacted]"


def test_letters_by_their_names_in_html_are_read() -> None:
    """Any letter that has one, in either case; what cannot be cut out goes whole."""
    redactor = Redactor(["schlüssel-für-ämter"])
    assert redactor.text("<b>schl&uuml;ssel-f&uuml;r-&auml;mter</b>") == MARK
    assert redactor.text("<b>SCHL&Uuml;SSEL-F&Uuml;R-&Auml;MTER</b>") == MARK
    assert redactor.text("<b>schl&uuml;ssel</b>") == "<b>schl&uuml;ssel</b>"


def test_only_the_very_placeholder_is_kept() -> None:
    redactor = Redactor([])
    kept, key = b"sk-toolworthy-placeholder", b"sk-abcdefghijklmnopqrst"
    for data, out in ((kept, kept), (kept + b"1", MARK.encode()), (kept + b" " + key, kept + b" " + MARK.encode())):
        assert redactor.data(data) == out
        assert b"".join(redactor.pieces([data])) == out
