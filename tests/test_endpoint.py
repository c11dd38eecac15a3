"""An endpoint is found by what a user calls it; a mistake is one line that says what to do."""

from pathlib import Path

import pytest

from toolworthy.endpoint import resolve
from toolworthy.errors import UserError


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
        ("nobody", "no endpoint is called 'nobody'; give a URL, or one of: oracle"),
        ("deepseek", "put it into the environment variable DEEPSEEK_API_KEY"),
        ("htp://api.example.com/v1", "must begin with http:// or https://"),
        ("http://localhost:99999/v1", "is no URL"),
        ("http://example.com/v1?api_key=k", "the URL holds a key"),
        ("http://a.example/v1,http://b.example/v1", "more in it than one address"),
        ("sk-proj-abc123", "--endpoint is given a key"),
        ("Opanai", "did you mean openai?"),
        ("https://user:pass@example.com/v1", "holds a password"),
        ("http://example.com/v1", "needs a model: give --model ID"),
        ("http:///v1", "has no host"),
        ("oracle:nonsense", "no defect is called 'nonsense'"),
    ],
)
def test_mistakes_are_one_line(name: str, says: str) -> None:
    with pytest.raises(UserError) as caught:
        resolve(name, environ={})
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["endpoints = 3", "[endpoints.a]\nkey = 'sk-x'", "not toml"])
def test_a_broken_config_names_its_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "toolworthy.toml").write_text(text)
    with pytest.raises(UserError, match=r"toolworthy\.toml: "):
        resolve("mine", folder=tmp_path, environ={})
