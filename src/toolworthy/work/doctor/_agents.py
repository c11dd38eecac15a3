"""For each agent: whether it works at an endpoint, why not, and the settings to paste."""

from __future__ import annotations

from collections.abc import Sequence

from toolworthy import wire
from toolworthy.agents.settings import UNUSED_KEY, AgentSettings, Setup, agent_url, settings
from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.mcp import ConfigFile
from toolworthy.endpoint.preflight import Preflight
from toolworthy.endpoint.target import Endpoint
from toolworthy.records.doctor import AgentReport, AgentState, SettingsFile, SettingsReport, WireApiReport
from toolworthy.records.meta import KEY_ENV
from toolworthy.wire.ir import Api

PROXY_URL = "http://127.0.0.1:8377"
"""The port of `toolworthy proxy --open`."""
ORACLE_URL = "http://127.0.0.1:8378"
"""The port of `toolworthy oracle`."""


def reports(
    target: Endpoint, checked: Preflight, agents: Sequence[AgentAdapter], apis: Sequence[WireApiReport]
) -> list[AgentReport]:
    """A report on each agent.

    Args:
        target: the endpoint as the user named it.
        checked: the endpoint after preflight.
        agents: the agents to report on.
        apis: the abilities of its wire APIs.
    """
    endpoint = _standing(checked.endpoint)
    known = {one.api: one for one in apis}
    return [_report(target, endpoint, checked.refused.get(agent.id, ""), agent, known) for agent in agents]


def _report(
    target: Endpoint, endpoint: Endpoint, refused: str, agent: AgentAdapter, apis: dict[Api, WireApiReport]
) -> AgentReport:
    asked = endpoint.api_for(agent.apis[0])
    api = asked if agent.install is None and asked in agent.apis else agent.api_with(asked)
    state, why = _state(endpoint, agent, api, asked)
    if broken := refused or _broken(apis[asked], translated=api != asked):
        state, why = "cannot", broken
    known = AgentReport(id=agent.id, title=agent.title, state=state, why=why, api=api, endpoint_api=asked)
    if state == "cannot" or not agent.run.interactive.command:
        return known
    direct = state == "works"
    base_url = endpoint.base_urls[api] if direct else PROXY_URL + wire.api(api).base
    made = _settings(endpoint, agent, api, base_url, _key(endpoint) if direct else None)
    return known.model_copy(update={"settings": made, "proxy": [] if direct else _proxy(target, endpoint, asked)})


def _state(endpoint: Endpoint, agent: AgentAdapter, api: Api, asked: Api) -> tuple[AgentState, str]:
    if api != asked:
        return "translated", f"it speaks {api}, and the endpoint {asked}"
    if why := _beyond_settings(endpoint, api):
        return "proxy", why
    if agent_url(endpoint.base_urls[api], api, agent.run_in(api).base_path) is None:
        return "proxy", f"it adds {wire.api(api).base} to its base URL, and {endpoint.base_urls[api]} has none"
    return "works", ""


def _beyond_settings(endpoint: Endpoint, api: Api) -> str:
    """A requirement of the endpoint that no agent's settings can express; "" if there is none."""
    way = endpoint.auth or endpoint.provider.auth.get(api)
    connection = endpoint.connection
    wants = [
        *([f"the key as {way}"] if endpoint.key and way not in (None, wire.api(api).auth) else []),
        *([f"the header {endpoint.extra[0].name}"] if endpoint.extra else []),
        *([f"the query parameter {next(iter(endpoint.query))}"] if endpoint.query else []),
        *(["fields of its own in every request"] if endpoint.extra_body.get(api) else []),
        *(["a client certificate"] if connection.certificate else []),
        *(["its own certificate authority"] if connection.ca else []),
        *(["a unix socket"] if connection.socket else []),
        *(["a proxy"] if connection.proxy else []),
    ]
    return f"the endpoint wants {' and '.join(wants)}" if wants else ""


def _broken(api: WireApiReport, *, translated: bool) -> str:
    """Why no agent can use an API; "" if agents can. Translation turns a whole response into a stream."""
    if api.tools == "no":
        return f"{api.api}: a request with tools is refused: {api.detail}"
    return f"{api.api}: it does not stream, as agents ask" if api.streaming == "no" and not translated else ""


def _settings(endpoint: Endpoint, agent: AgentAdapter, api: Api, base_url: str, variable: str | None) -> SettingsReport:
    url = agent_url(base_url, api, agent.run_in(api).base_path)
    assert url is not None
    reference = f"${{{variable}}}" if variable else UNUSED_KEY
    made: AgentSettings = settings(agent, api, Setup(url, reference, endpoint.model, endpoint.context))
    return SettingsReport(
        base_url=url,
        env=dict(made.env),
        files=[_file(file, reference, variable) for file in made.files],
        setup=[list(words) for words in made.before],
        start=list(made.start),
    )


def _file(file: ConfigFile, reference: str, variable: str | None) -> SettingsFile:
    holds_key = variable is not None and reference in file.content
    return SettingsFile(path=file.path, content=file.content, key_variable=variable if holds_key else None)


def _key(endpoint: Endpoint) -> str | None:
    """The variable that holds the key."""
    return (endpoint.key_env or KEY_ENV) if endpoint.key else None


def _standing(endpoint: Endpoint) -> Endpoint:
    """The oracle at the address of `toolworthy oracle`; any other endpoint unchanged."""
    if not endpoint.is_oracle:
        return endpoint
    return endpoint.at({api: ORACLE_URL + wire.api(api).base for api in endpoint.base_urls})


def _proxy(target: Endpoint, endpoint: Endpoint, asked: Api) -> list[str]:
    """The command of the proxy that the settings are for."""
    model = [] if target.is_oracle else ["--model", endpoint.model]
    key = ["--key-env", endpoint.key_env] if endpoint.key and endpoint.key_env else []
    forced = ["--wire", asked] if endpoint.forced_api else []
    return ["toolworthy", "proxy", "--endpoint", target.name, *model, *key, *forced, "--open"]
