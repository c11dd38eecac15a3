"""What provider files say: hints for what exists, facts with a source, URLs that can be filled in."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolworthy import content
from toolworthy.base.errors import ToolworthyError
from toolworthy.cli.commands.providers import gaps, mistakes, run
from toolworthy.content import adapters, providers
from toolworthy.content.providers import ProviderAdapter
from toolworthy.endpoint.target import resolve

EVERY = providers.every()
HOSTED = ["anthropic", "azure", "bedrock", "cerebras", "deepseek", "fireworks", "google", "groq", "minimax", "mistral"]
HOSTED += ["moonshot", "nvidia", "openai", "openrouter", "qwen", "siliconflow", "together", "vertex", "volcengine"]
HOSTED += ["xai", "zai"]
SERVERS = ["litellm", "llamacpp", "lmstudio", "mindie", "mlx-lm", "ollama", "sglang", "tensorrt-llm", "transformers"]
SERVERS += ["vllm", "vllm-ascend"]


def test_all_are_there() -> None:
    assert {one.id for one in EVERY} == {"generic", *HOSTED, *SERVERS}


@pytest.mark.parametrize("provider", EVERY, ids=lambda one: one.id)
def test_a_file_has_no_mistake(provider: ProviderAdapter) -> None:
    assert not [*mistakes(provider)]


@pytest.mark.parametrize("provider", [one for one in EVERY if one.id != "generic"], ids=lambda one: one.id)
def test_every_user_finds_where_to_begin(provider: ProviderAdapter) -> None:
    assert provider.hints["setup"]
    assert {"homepage", "base_urls", "hints", "sources"}.isdisjoint(gaps(provider))
    assert f"| `{provider.id}` |" in (content.ROOT / "docs" / "providers.md").read_text()


@pytest.mark.parametrize("server", [one for one in SERVERS if one not in ("litellm", "mlx-lm")])
def test_a_server_that_prints_calls_has_a_setting_against_it(server: str) -> None:
    assert providers.provider(server).hints["TW201"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[hints]\nTW999 = "x"\n', "hints: nothing is called TW999"),
        ('[hints]\none-cal = "x"\n', "hints: nothing is called one-cal"),
        ('[base_urls]\nchat = "https://{a}.example/v1"\n', "fill does not say what {a} is"),
        ('[fill]\na = "x"\n', "no URL has {a}, which fill names"),
        ("[prices.m]\ninput = 1\noutput = 1\n", "the price of m has no source with a year"),
        ('[sources]\nprices = "a blog"\n', "the source of prices has no year"),
        ('default_model = "m"\n', "models lacks m, the default"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, says: str) -> None:
    path = tmp_path / "mine.toml"
    lines = text.splitlines(keepends=True)
    path.write_text('title = "Mine"\n' + "".join(lines))
    assert [*mistakes(adapters.load(ProviderAdapter, path))] == [says]
    assert run("check", [], [path]) == 1
    assert says in capsys.readouterr().out


def test_what_is_not_said_is_no_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('title = "Mine"\n[base_urls]\nchat = "https://mine.example/v1"\n')
    assert run("check", [], [path]) == 0
    assert "does not say: homepage, hints, sources, models, context, prices" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("https://api.deepseek.com/anthropic", "deepseek"),
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", "qwen"),  # of another region
        ("https://open.bigmodel.cn/api/paas/v4", "zai"),
        ("https://my-company.openai.azure.com/openai/v1", "azure"),
        ("https://bedrock-runtime.eu-central-1.amazonaws.com/openai/v1", "bedrock"),
        ("https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/l/endpoints/openapi", "vertex"),
        ("https://evil.example/api.deepseek.com", "generic"),
        ("https://api.deepseek.com.evil.example/v1", "generic"),
        ("http://localhost:8000/v1", "generic"),
    ],
)
def test_a_provider_is_known_by_its_host(url: str, provider: str) -> None:
    assert resolve(url, model="m", environ={"TOOLWORTHY_API_KEY": "k", **KEYS}).provider.id == provider


KEYS = {one.key_env: "secret-of-the-test" for one in EVERY if one.key_env}


@pytest.mark.parametrize(
    ("name", "chat"),
    [
        ("qwen", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"),
        ("qwen:china", "https://dashscope.aliyuncs.com/compatible-mode/v1"),
        ("zai:coding", "https://api.z.ai/api/coding/paas/v4"),
    ],
)
def test_a_region_or_plan_is_named_behind_its_provider(name: str, chat: str) -> None:
    assert resolve(name, model="m", environ=KEYS).base_urls["chat"] == chat


def test_what_cannot_be_asked_says_what_to_give() -> None:
    with pytest.raises(ToolworthyError, match="qwen has no 'chna'; did you mean 'china'"):
        resolve("qwen:chna", model="m", environ=KEYS)
    with pytest.raises(ToolworthyError, match=r"https://\{resource\}.*\{resource\} is the name of your Azure"):
        resolve("azure", model="m", environ=KEYS)
