"""A secret is found in every form, and cut out of it: what stands around stays as it is."""

from __future__ import annotations

import base64
import html
import itertools
import json
import string
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolworthy.base.redact import SHORTEST, Redactor

SECRET = "k3y/with\"quote'and=more<&>"
LETTERS = string.ascii_letters + string.digits + "-_./+=:;,!?<>\"'"
"""Of which no escape is made."""
ACCENTED = 'clé/très"secrète😀'


def each(pattern: str) -> str:
    """Every character of the secret by its number."""
    return "".join(pattern.format(ord(char)) for char in SECRET)


def lines(text: str, border: str) -> str:
    return border.join(text[at : at + 12] for at in range(0, len(text), 12))


FORMS = {
    "plain": SECRET,
    "upper": SECRET.upper(),
    "json": json.dumps(SECRET)[1:-1],
    "json in json": json.dumps(json.dumps(SECRET))[3:-3],
    "slashes": SECRET.replace("/", "\\/").replace("'", "\\'"),
    "spaced": " ".join(SECRET),
    "in lines": "\n".join(SECRET),
    "in escaped lines": "\\r\\n".join(SECRET),
    "in tabs": "\t".join(SECRET),
    "in escaped tabs": "\\t".join(SECRET),
    "in a list": ", ".join(SECRET),
    "in pairs": ":".join(SECRET),
    "html": html.escape(SECRET),
    "html twice": html.escape(html.escape(SECRET)),
    "apostrophe": SECRET.replace("&", "&amp;").replace("'", "&apos;"),
    "hex": SECRET.encode().hex(),
    "hex in pairs": SECRET.encode().hex(":"),
    "hex with words": SECRET.encode().hex("w"),
    "hex numbers": each("0x{:02x} ").replace(" ", ", ").removeprefix("0x").removesuffix(", "),
    **{
        pattern: each(pattern)
        for pattern in (
            *("\\u{:04x}", "\\u{:04X}", "\\\\u{:04x}", "\\u{{{:x}}}", "\\u{{{:06x}}}", "\\x{:02x}", "\\\\\\x{:02X}"),
            *("%{:02x}", "%{:02X}", "%25{:02x}", "%252525{:02x}", "%u00{:02x}"),
            *(
                "&#{};",
                "&#{:06d};",
                "&#x{:x};",
                "&#X{:04X};",
                "&#{}",
                "&#x{:x}",
                "&amp;#{};",
                "&#38;#{};",
                "&#x26;amp;#x{:x};",
            ),
        )
    },
}


def assert_cut_out(redactor: Redactor, form: str) -> None:
    for before, after in (("before |", "| after"), ("", ""), ("|", "|" * 2_000)):
        assert redactor.holds((before + form + after).encode())
        assert redactor.text(before + form + after) == f"{before}[redacted]{after}"


@pytest.mark.parametrize("name", FORMS)
def test_a_secret_is_cut_out_in_every_form(name: str) -> None:
    assert_cut_out(Redactor([SECRET]), FORMS[name])


BASE64: dict[str, Callable[[str], str]] = {
    "plain": lambda coded: coded,
    "of URLs": lambda coded: coded.replace("+", "-").replace("/", "_"),
    "in JSON": lambda coded: coded.replace("+", "\\u002b").replace("/", "\\/"),
    "in a URL": lambda coded: quote(coded, safe="="),
    "in lines": lambda coded: lines(coded, "\n"),
    "in escaped lines": lambda coded: lines(coded, "\\n"),
    "in escaped lines of another system": lambda coded: lines(coded, "\\r\\n"),
}


@pytest.mark.parametrize(
    "form", ["back\\slash", "back\\\\slash", "back\\u005cslash", "back%5Cslash", "back&#92;slash", "back&bsol;slash"]
)
def test_a_backslash_of_a_secret_may_be_escaped_too(form: str) -> None:
    redactor = Redactor(["back\\slash"])
    assert redactor.holds(form.encode())
    assert redactor.text(f"before {form} after") in ("before [redacted] after", "[redacted]")


@pytest.mark.parametrize("offset", [0, 1, 2])
@pytest.mark.parametrize("way", BASE64)
def test_base64_is_cut_out_wherever_the_secret_stands_in_it(offset: int, way: str) -> None:
    secret = "sk>?~>?~>-more"  # both alphabets differ in it
    coded = BASE64[way](
        base64.b64encode(b"xyz"[:offset] + secret.encode() + b"!" * (-len(secret) - offset % 3)).decode()
    )
    clean = Redactor([secret]).text(f"before |{coded.rstrip('=')}| after")
    kept = clean.removeprefix("before |").removesuffix("| after").replace("[redacted]", "")
    assert len(kept) < 5 < len(clean) - 12, clean
    assert kept in coded


@pytest.mark.parametrize("border", ["", "\n", "\r\n", "\\n", "\\r\\n", "\\\\n"])
def test_base64_of_an_escaped_secret_is_cut_out_beside_a_plain_one(border: str) -> None:
    whole = base64.b64encode(quote(SECRET, safe="").replace("s", "%73").encode()).decode().rstrip("=")
    coded = border.join(whole[at : at + 32] for at in range(0, len(whole), 32))
    assert Redactor([SECRET]).text(f"before {SECRET} then {coded} after") == "before [redacted] then [redacted] after"


@given(st.text(LETTERS, min_size=SHORTEST, max_size=20), st.data())
def test_every_character_may_be_escaped_in_its_own_way(secret: str, data: st.DataObject) -> None:
    ways = ("{0}", "\\u{1:04x}", "\\x{1:02X}", "%{1:02x}", "%25{1:02X}", "&#{1};", "&#x{1:x};", "&amp;#{1};")
    form = "".join(data.draw(st.sampled_from(ways)).format(char, ord(char)) for char in secret)
    clean = Redactor([secret]).text(f"«{form}»")
    assert secret.lower() not in clean.lower()
    assert (clean.startswith("«"), clean.endswith("»")) == (True, True) or clean == "[redacted]"


FOREIGN: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "json": lambda text: json.dumps(text)[1:-1],
    "json with slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "json in json": lambda text: json.dumps(json.dumps(text))[3:-3],
    "url": quote,
    "url without slashes": lambda text: quote(text, safe=""),
    "python": lambda text: ascii(text)[1:-1],
    "bytes in python": lambda text: repr(text.encode())[2:-1],
    "xml": lambda text: text.encode("ascii", "xmlcharrefreplace").decode(),
    "html in hex": lambda text: "".join(f"&#x{ord(char):X};" for char in text),
    "html in long numbers": lambda text: "".join(f"&#{ord(char):08};" for char in text),
    "html twice": lambda text: html.escape(text.encode("ascii", "xmlcharrefreplace").decode()),
}


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("secret", [ACCENTED, ACCENTED.upper(), ACCENTED.replace("é", "É")])
def test_letters_beyond_ascii_are_found_in_each_form(name: str, secret: str) -> None:
    redactor = Redactor([secret])
    assert_cut_out(redactor, FOREIGN[name](secret))
    for other in (secret.lower(), secret.upper()):
        form = FOREIGN[name](other)
        assert redactor.holds(form.encode())
        assert form not in redactor.text(f"before {form} after")


def test_letters_beyond_ascii_are_found_in_hex() -> None:
    assert_cut_out(Redactor([ACCENTED]), ACCENTED.encode().hex())


@pytest.mark.parametrize(
    ("secret", "form"),
    [
        ("SCHLÜSSEL-FÜR-ÄMTER", "SCHL&Uuml;SSEL-F&Uuml;R-&Auml;MTER"),
        ("SCHLÜSSEL-FÜR-ÄMTER", "schl&uuml;ssel-f&uuml;r-&auml;mter"),
        ("ĢĢĢĢĢĢĢĢ", "&Gcedil;" * 8),
        ("schlüssel-für-ämter", "schl\\N{LATIN SMALL LETTER U WITH DIAERESIS}ssel-für-ämter"),
        ("ÿÿÿÿÿÿÿÿ", "&#255;" * 8),
        ("\U0010fffd" * 8, "&#1114109;" * 8),
        ("\ud7ff" * 8, "&#xd7ff;" * 8),
        ("\ue000" * 8, "&#xe000;" * 8),
    ],
)
def test_letters_beyond_ascii_are_read_by_name_and_number(secret: str, form: str) -> None:
    redactor = Redactor([secret])
    assert redactor.holds(form.encode())
    assert form not in redactor.text(f"before {form} after")


@pytest.mark.parametrize(
    "form", ["&#xd800;", "&#xdfff;", "&#1114112;", "&#9999999;", "&#xffffff;", "&nosuch;", "\\N{NO SUCH LETTER}"]
)
def test_what_names_no_character_is_no_obstacle(form: str) -> None:
    redactor = Redactor([PLAIN])
    assert redactor.text(f"{form} {PLAIN} {form}") == f"{form} [redacted] {form}"
    assert not redactor.holds(f"{PLAIN[:9]}{form}{PLAIN[9:]}".encode()), "it is not nothing either"


BEGINS = {
    "\\": ("\\u005c", "\\x5c", "%5c", "&#x5c;", "&#92;", "&bsol;", "\\134"),
    "%": ("\\u0025", "\\x25", "&#x25;", "&#37;", "&percnt;", "\\045"),
    "&": ("\\u0026", "\\x26", "%26", "&#x26;", "&#38;", "&amp;", "\\046"),
    "#": ("\\u0023", "\\x23", "%23", "&#x23;", "&#35;", "&num;", "\\043"),
}
SINGLE = {"\\": "\\u{:04x}", "%": "%{:02x}", "&": "&#{};", "#": "&#{};"}


@pytest.mark.parametrize(("begin", "escaped"), [(begin, one) for begin, ways in BEGINS.items() for one in ways])
def test_an_escape_that_is_escaped_itself_is_read(begin: str, escaped: str) -> None:
    form = each(SINGLE[begin]).replace(begin, escaped)
    assert Redactor([SECRET]).holds(form.encode())
    assert form not in Redactor([SECRET]).text(f"before {form} after")


def test_escapes_are_read_four_levels_deep() -> None:
    form = SECRET
    for begin in ("%", "\\", "&", "%"):
        form = "".join(SINGLE[begin].format(ord(char)) for char in form)
        assert Redactor([SECRET]).holds(form.encode())


def test_what_only_resembles_a_secret_stays() -> None:
    redactor = Redactor([SECRET])
    for other in (SECRET[1:], SECRET[:-1], SECRET.replace("3", "4"), SECRET[::-1], SECRET.encode().hex()[2:]):
        coded = base64.b64encode(other.encode()).decode()
        for text in (other, json.dumps(other), quote(other), coded, f"{coded}{coded}"):
            assert not redactor.holds(text.encode())
            assert redactor.text(text) == text


# ---- what a reader joins ---------------------------------------------------------------------------------------------

PLAIN = "topsecret-value-42"


def cut_out(body: str, *cuts: int) -> str:
    places = [0, *cuts, len(body)]
    pieces = [body[a:b].encode() for a, b in itertools.pairwise(places)]
    out = Redactor([PLAIN]).pieces(pieces)
    assert len(out) == len(pieces)
    return b"".join(out).decode()


@pytest.mark.parametrize(
    ("body", "clean"),
    [
        ('{"a": ["x", "topsec", "ret-value-42", "y"]}', '{"a": ["x", "[redacted]", "", "y"]}'),
        ('{"a": ["xtop", "secret-", "value-42y"]}', '{"a": ["x[redacted]", "", "y"]}'),
        ('{"a": ["", "topsec", "", "ret-value-42"]}', '{"a": ["", "[redacted]", "", ""]}'),
        ('{"a": "topsec"}\n{"a": "ret-value-42"}', '{"a": "[redacted]"}\n{"a": ""}'),
        ('{"a" : "topsec", "b": "1"}{"a": "ret-value-42"}', '{"a" : "[redacted]", "b": "1"}{"a": ""}'),
        ('{"a": "q\\"topsec"}\n{"a": "ret-value-42\\\\"}', '{"a": "q\\"[redacted]"}\n{"a": "\\\\"}'),
        ('{"a": "topsec"}\n{"b": "ret-value-42"}', '{"a": "topsec"}\n{"b": "ret-value-42"}'),
        ('["topsec", "ret-value-42"]', '["[redacted]", ""]'),
        (
            '{"a": ["topsec", "ret-value-42", "and", "topsecret", "-value-42"]}',
            '{"a": ["[redacted]", "", "and", "[redacted]", ""]}',
        ),
        (
            '{"index": 0, "t": "topsec"}\n{"index": 1, "t": "no"}\n{"index": 0, "t": "ret-value-42"}\n',
            '{"index": 0, "t": "[redacted]"}\n{"index": 1, "t": "no"}\n{"index": 0, "t": ""}\n',
        ),
        *(
            (
                f'{{"{name}": 0, "t": "topsec"}}\n{{"{name}": 12, "t": "no"}}\n{{"{name}":0,"t": "ret-value-42"}}',
                f'{{"{name}": 0, "t": "[redacted]"}}\n{{"{name}": 12, "t": "no"}}\n{{"{name}":0,"t": ""}}',
            )
            for name in ("output_index", "content_index", "summary_index")
        ),
    ],
)
def test_a_secret_that_is_cut_up_into_strings_is_cut_out_of_each(body: str, clean: str) -> None:
    assert cut_out(body) == clean
    assert cut_out(body, 5, len(body) // 2, len(body) // 2 + 1) == clean


@given(st.lists(st.integers(1, len(PLAIN) - 1), max_size=4), st.lists(st.text("xyz", max_size=3), max_size=3))
def test_however_it_is_cut_up_only_the_secret_goes(cuts: list[int], around: list[str]) -> None:
    places = [0, *sorted(cuts), len(PLAIN)]
    strings = [*around, *(PLAIN[a:b] for a, b in itertools.pairwise(places)), *around]
    read = json.loads(cut_out(json.dumps(strings)))
    assert "".join(read) == "".join(around) + "[redacted]" + "".join(around)
    assert len(read) == len(strings)


def test_a_text_comes_in_parts_without_the_secret_and_loses_nothing_else() -> None:
    filler = "no secret here. " * 9_000
    text = filler + PLAIN + filler
    for size in (7, 4_096, 70_000):
        parts = [text[at : at + size] for at in range(0, len(text), size)]
        out = list(Redactor([PLAIN]).parts(parts))
        assert "".join(out) == f"{filler}[redacted]{filler}"
        assert len(out) > 1, "not all is held back until the end"


def test_the_longer_of_two_secrets_goes_first() -> None:
    redactor = Redactor(["topsecret", PLAIN])
    assert redactor.text(f"{PLAIN} topsecret") == "[redacted] [redacted]"
    assert (bool(redactor), bool(Redactor([])), bool(Redactor(["short"]))) == (True, False, False)
    assert not Redactor([]).holds(b"anything")


def test_a_secret_that_itself_looks_escaped_is_found_between_two_readings() -> None:
    """Reading its escapes once gives the secret; reading on makes another text of it."""
    secret = "pass%41word-of-a-user"
    escaped = json.dumps({"k": secret}).replace("%", "\\u0025")
    assert secret not in escaped
    assert "word-of-a-user" not in Redactor([secret]).text(escaped)
