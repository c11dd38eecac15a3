"""An endpoint is found by what a user calls it; a mistake is one line that says what to do."""

from pathlib import Path

import pytest

from toolworthy.base.errors import ToolworthyError
from toolworthy.endpoint._base_url import redirected
from toolworthy.endpoint.target import resolve


def test_a_url_serves_all_three_apis_from_its_root() -> None:
    found = resolve("http://localhost:8000/v1/chat/completions", model="m", environ={})
    assert found.url("chat") == "http://localhost:8000/v1/chat/completions"
    assert found.url("messages") == "http://localhost:8000/v1/messages"
    assert found.url("responses") == "http://localhost:8000/v1/responses"


@pytest.mark.parametrize(
    ("given", "chat"),
    [
        ("localhost:8000", "http://localhost:8000/chat/completions"),
        ("[::1]:8080/v1", "http://[::1]:8080/v1/chat/completions"),
        ("192.168.1.20:1234/v1", "http://192.168.1.20:1234/v1/chat/completions"),
        ("gpu-box:8000/v1", "http://gpu-box:8000/v1/chat/completions"),
        ("llm.example/v1", "https://llm.example/v1/chat/completions"),
        (' "HTTPS://LLM.example//v1//" \n', "https://llm.example/v1/chat/completions"),
        ("https://llm.example/v1#models", "https://llm.example/v1/chat/completions"),
        ("https://llm.example/v1?tenant=42", "https://llm.example/v1/chat/completions?tenant=42"),
        ("https://llm.example/openai/x/chat/completions?v=1", "https://llm.example/openai/x/chat/completions?v=1"),
        ("localhost:8000?v=1", "http://localhost:8000/chat/completions?v=1"),
        ("https://llm.example?v=1", "https://llm.example/chat/completions?v=1"),
        ("https://llm.example/v1/?v=1", "https://llm.example/v1/chat/completions?v=1"),
        ("https://llm.example/api/paas/v4", "https://llm.example/api/paas/v4/chat/completions"),
    ],
)
def test_a_url_is_read_as_it_is_meant(given: str, chat: str) -> None:
    assert resolve(given, model="m", environ={}).url("chat") == chat


def test_a_providers_name_has_no_capitals_of_its_own() -> None:
    assert resolve("OpenAI ", model="m", environ={"OPENAI_API_KEY": "k"}).provider.id == "openai"


def test_a_provider_brings_its_urls_and_key() -> None:
    found = resolve("deepseek", environ={"DEEPSEEK_API_KEY": "sk-x"})
    assert found.url("messages") == "https://api.deepseek.com/anthropic/v1/messages"
    assert found.headers("messages")["x-api-key"] == "sk-x"
    assert found.headers("chat")["authorization"] == "Bearer sk-x"


def test_the_key_shows_nowhere() -> None:
    found = resolve("deepseek", environ={"DEEPSEEK_API_KEY": "sk-very-secret"})
    assert "sk-very-secret" not in repr(found)
    assert "sk-very-secret" not in str(found.public())


def test_a_key_of_another_vendor_is_not_sent_to_a_bare_url() -> None:
    environ = {"OPENAI_API_KEY": "sk-openai", "TOOLWORTHY_API_KEY": ""}
    assert resolve("http://somewhere.example/v1", model="m", environ=environ).key is None


def test_a_hosted_providers_url_is_known_as_that_provider() -> None:
    found = resolve("https://api.deepseek.com", model="m", environ={"DEEPSEEK_API_KEY": "k"})
    assert found.provider.id == "deepseek"


def test_a_name_from_the_config(tmp_path: Path) -> None:
    text = '[endpoints.mine]\nurl = "http://localhost:9/v1"\nmodel = "q"\nkey_env = "MINE"\n'
    (tmp_path / "toolworthy.toml").write_text(text)
    found = resolve("mine", folder=tmp_path, environ={"MINE": "k"})
    assert (found.model, found.key, found.url("chat")) == ("q", "k", "http://localhost:9/v1/chat/completions")


def test_the_agents_own_api_passes_through_and_the_nearest_is_translated_to() -> None:
    found = resolve("openai", model="m", environ={"OPENAI_API_KEY": "k"})
    assert [found.api_for(api) for api in ("chat", "messages", "responses")] == ["chat", "chat", "responses"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nobody", "no endpoint is called 'nobody'. Give a URL, or one of oracle"),
        ("deepseek", "DEEPSEEK_API_KEY is not set. Put the key into"),
        ("htp://api.example.com/v1", "must begin with http:// or https://"),
        ("http://localhost:99999/v1", "is not a URL"),
        ("http://example.com/v1?api_key=k", "the URL holds a key"),
        ("http://a.example/v1,http://b.example/v1", "more than one address"),
        ("sk-proj-abc123", "--endpoint contains a key"),
        ("Opanai", "did you mean 'openai'?"),
        ("https://user:pass@example.com/v1", "holds a password"),
        ("http://example.com/v1", "needs a model. Give --model ID"),
        ("http:///v1", "has no host"),
        ("oracle:nonsense", "no defect is called 'nonsense'"),
    ],
)
def test_mistakes_are_one_line(name: str, says: str) -> None:
    with pytest.raises(ToolworthyError) as caught:
        resolve(name, environ={})
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["endpoints = 3", "[endpoints.a]\nkey = 'sk-x'", "not toml"])
def test_a_broken_config_names_its_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "toolworthy.toml").write_text(text)
    with pytest.raises(ToolworthyError, match=r"toolworthy\.toml: "):
        resolve("mine", folder=tmp_path, environ={})


CANARY = "kq7Zp2Wd9XcV4bN6mT1sRf8Y"
"""A key of no known shape."""


@pytest.mark.parametrize("value", [CANARY + "\n", CANARY + "\r\n", f"  {CANARY} ", f"\n{CANARY}"])
def test_blanks_and_line_breaks_around_a_key_are_no_part_of_it(value: str) -> None:
    found = resolve("http://llm.example/v1", model="m", key_env="MINE", environ={"MINE": value})
    assert found.headers("chat")["authorization"] == f"Bearer {CANARY}"
    assert found.secrets == (CANARY,)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (f"{CANARY[:8]}\n{CANARY[8:]}", "has a line break in it"),
        (f"{CANARY[:8]}\r{CANARY[8:]}", "has a line break in it"),
        (f"{CANARY}ü", "is not ASCII"),
        (f"{CANARY}\u2028x", "is not ASCII"),
        (f"Bearer {CANARY}", "has a blank or a control character in it"),
        (f"{CANARY}\x1b[0m", "has a blank or a control character in it"),
    ],
)
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(value: str, says: str) -> None:
    with pytest.raises(ToolworthyError) as caught:
        resolve("http://llm.example/v1", model="m", key_env="MINE", environ={"MINE": value})
    assert says in str(caught.value)
    assert "MINE" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert CANARY[:8] not in str(caught.value)
    assert CANARY[8:] not in str(caught.value)


@pytest.mark.parametrize("value", [f"{CANARY}\n", f"Token {CANARY}"])
def test_the_same_is_told_of_a_header_that_holds_a_key(tmp_path: Path, value: str) -> None:
    config = '[endpoints.mine]\nurl = "http://llm.example"\nmodel = "m"\nheaders = { x-mine = "env:MINE" }\n'
    (tmp_path / "toolworthy.toml").write_text(config)
    found = resolve("mine", folder=tmp_path, environ={"MINE": value})
    assert found.headers("chat")["x-mine"] == value.strip()
    with pytest.raises(ToolworthyError, match="has a line break in it") as caught:
        resolve("mine", folder=tmp_path, environ={"MINE": f"a\n{CANARY}"})
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"https://llm.example/sk-{CANARY}/v1",
        f"https://llm.example/v1/sk-{CANARY}",
        f"https://llm.example/v1?sk-{CANARY}",
        f"https://llm.example/v1?key={CANARY}",
        f"https://llm.example/v1?api_key={CANARY}",
        f"https://llm.example/v1?password={CANARY}",
        f"https://llm.example/v1?x=sk-{CANARY}",
        f"https://llm.example/v1?x={CANARY}",
        f"https://{CANARY}@llm.example/v1",
        f"https://user:{CANARY}@llm.example/v1",
        f"https://user:{CANARY}@llm.example:99999/v1",
        f"htp://llm.example/sk-{CANARY}/v1",
        f"https://llm.example/sk-{CANARY}, https://other.example",
        f"sk-{CANARY}.example",
        f"sk-{CANARY}",
        CANARY,
        f"Bearer {CANARY}",
    ],
)
def test_no_message_shows_a_key_that_was_given_for_an_endpoint(tmp_path: Path, url: str) -> None:
    with pytest.raises(ToolworthyError) as caught:
        resolve(url, model="m", environ={})
    assert CANARY not in str(caught.value)
    (tmp_path / "toolworthy.toml").write_text(f'[endpoints.mine.urls]\nchat = "{url}"\n')
    with pytest.raises(ToolworthyError) as caught:
        resolve("mine", model="m", folder=tmp_path, environ={})
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("url", [f"https://llm.example/{CANARY}/v1", f"https://llm.example/v1?tenant={CANARY[:23]}%59"])
def test_the_key_itself_is_known_in_a_url(url: str) -> None:
    with pytest.raises(ToolworthyError, match=r"(?:contains|holds) (?:the|a) key") as caught:
        resolve(url, model="m", key_env="MINE", environ={"MINE": CANARY})
    assert CANARY[:23] not in str(caught.value)


@pytest.mark.parametrize("name", [f"sk-{CANARY}", f"gsk_{CANARY}", CANARY, f"Bearer {CANARY}", "MY KEY", "", "ключ"])
def test_key_env_takes_a_name_and_never_shows_a_key(tmp_path: Path, name: str) -> None:
    with pytest.raises(ToolworthyError, match="the name of the environment variable") as caught:
        resolve("http://llm.example/v1", model="m", key_env=name, environ={})
    assert CANARY not in str(caught.value)
    (tmp_path / "toolworthy.toml").write_text(f'[endpoints.mine]\nurl = "http://a.example"\nkey_env = "{name}"\n')
    with pytest.raises(ToolworthyError, match="the name of the environment variable") as caught:
        resolve("mine", model="m", folder=tmp_path, environ={})
    assert CANARY not in str(caught.value)


def test_urls_of_single_apis_are_read_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "toolworthy.toml").write_text('[endpoints.mine.urls]\nchat = "http://localhost:99999/v1"\n')
    with pytest.raises(ToolworthyError, match="is not a URL"):
        resolve("mine", model="m", folder=tmp_path, environ={})


@pytest.mark.parametrize("host", ["pk-box:8000", "sk-server.example/v1", "api.example/v2/a1b2c3d4e5f6a7/openai/v1"])
def test_a_host_or_an_account_is_no_key(host: str) -> None:
    assert resolve(f"http://{host}", model="m", environ={}).base_urls


def test_the_query_of_a_base_url_stands_behind_every_route() -> None:
    url = "https://x.example/openai/deployments/d?api-version=2024-10-21"
    found = resolve(url, model="m", environ={})
    for operation in ("completion", "models"):
        for api in found.base_urls:
            asked = found.url(api, operation)
            assert asked.endswith("?api-version=2024-10-21"), asked
            assert asked.count("?") == 1
    assert found.url("messages") == "https://x.example/openai/deployments/d/v1/messages?api-version=2024-10-21"


def test_a_redirection_keeps_the_query() -> None:
    base = "http://x.example/v1?api-version=1"
    assert redirected(base, "https://x.example/v1") == "https://x.example/v1?api-version=1"
    assert redirected(base, "https://x.example:99999/v1") is None
    assert redirected(base, "https://[x/v1") is None
