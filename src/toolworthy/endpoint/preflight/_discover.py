"""Examine an endpoint as agents will use it, with a few small requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.redact import Redactor
from toolworthy.content.adapters import AgentAdapter
from toolworthy.endpoint.preflight import _keys as keys
from toolworthy.endpoint.preflight import _mistakes as mistakes
from toolworthy.endpoint.preflight import _models as models
from toolworthy.endpoint.preflight import _routes as routes
from toolworthy.endpoint.preflight._client import PATIENCE_SECONDS, Asker
from toolworthy.endpoint.preflight._completion import usage
from toolworthy.endpoint.preflight._model import Check, Tried
from toolworthy.endpoint.target import Endpoint
from toolworthy.records.meta import PreflightRecord
from toolworthy.wire.ir import Api, Usage


@dataclass(frozen=True)
class Preflight:
    """The results, and the endpoint with the settings that work."""

    endpoint: Endpoint
    """With only the available wire APIs, and the observed dialect."""
    checks: tuple[Check, ...]
    refused: dict[str, str]
    """Agent id to the reason why it cannot work here."""

    server: str = ""
    """Id of the server, as it identifies itself; "" if it does not."""
    seconds: float | None = None
    """Median seconds of a small response; None if none came."""
    models: tuple[str, ...] = ()
    """Ids of the models that it lists."""
    requests: int = 0
    """Number of requests sent."""
    usage: Usage = field(default_factory=Usage)
    """Tokens of all requests."""

    def record(self) -> PreflightRecord:
        """The part of ``run.json``."""
        return PreflightRecord(
            apis=list(self.endpoint.base_urls),
            base_urls={} if self.endpoint.is_oracle else self.endpoint.public().base_urls,
            readings=[f"{check.name}: {check.detail}" for check in self.checks if check.reading],
            refused=self.refused,
            server=self.server,
            context=self.endpoint.context,
        )


async def preflight(
    endpoint: Endpoint,
    agents: Sequence[AgentAdapter],
    say: Callable[[str], None] = lambda line: None,
    busy_seconds: float = PATIENCE_SECONDS,
) -> Preflight:
    """Examine `endpoint` as `agents` will use it.

    Args:
        endpoint: the configured endpoint.
        agents: the agents to check.
        say: called with messages about waits.
        busy_seconds: the most seconds to wait for a busy API if another one has answered.

    Raises:
        ToolworthyError: nothing can be measured: nothing listens, there is no wire API, the key or the model is
        refused, the account is empty, or the endpoint stayed busy.
    """
    redact = Redactor(endpoint.secrets).text
    try:
        async with endpoint.client(timeout=None) as client:
            return await _look(
                Asker(endpoint, client, lambda line: say(redact(f"preflight: {line}")), busy_seconds),
                endpoint,
                agents,
                redact,
            )
    except ToolworthyError as error:
        raise ToolworthyError(redact(str(error))) from error


async def model_ids(endpoint: Endpoint) -> list[str]:
    """The models that `endpoint` lists; none if it has no list.

    Raises:
        ToolworthyError: nothing answers there.
    """
    async with endpoint.client(timeout=None) as client:
        asker = Asker(endpoint, client, lambda line: None)
        return await models.ids(asker, endpoint)


async def _look(
    asker: Asker, endpoint: Endpoint, agents: Sequence[AgentAdapter], redact: Callable[[str], str]
) -> Preflight:
    tried = await routes.find(asker, endpoint)
    mistakes.stop_if_useless(endpoint, tried)
    endpoint, checks = await keys.settle(asker, endpoint, tried)
    reached = {api: ways[-1].base_url for api, ways in tried.items() if ways[-1].answer.status}
    listed = await models.listed(asker, endpoint.at(reached)) if reached else []
    mistakes.stop_if_unknown_model(endpoint, tried, listed)
    mistakes.stop_if_nothing_is_there(endpoint, tried)
    checks += [*routes.readings(endpoint, tried), *(check for ways in tried.values() for check in ways[-1].checks)]
    checks.append(models.check(endpoint, listed))
    there = _there(tried, endpoint)
    settled = _as_seen(endpoint, there)
    settled = replace(settled, context=settled.context or models.context(listed, settled.model))
    refused = {agent.id: redact(why) for agent in agents if (why := _refusal(agent, settled, there))}
    checks = [replace(check, detail=redact(check.detail)) for check in checks]
    took = [way.answer.seconds for way in there.values() if way.state == "answers"]
    counted = [usage(api, answer) for api, answer in asker.answers]
    return Preflight(
        settled,
        tuple(checks),
        refused,
        models.server(listed),
        median(took) if took else None,
        tuple(models.name_of(entry) for entry in listed),
        len(asker.answers),
        Usage(sum(one.input or 0 for one in counted), sum(one.output or 0 for one in counted)),
    )


def _there(tried: dict[Api, list[Tried]], endpoint: Endpoint) -> dict[Api, Tried]:
    """The available APIs. Without a key, an API that requires one is left out if another does not."""
    last = {api: ways[-1] for api, ways in tried.items() if ways[-1].state != "absent"}
    if endpoint.key or not any(way.state == "answers" for way in last.values()):
        return last
    return {api: way for api, way in last.items() if not way.refusal or way.refusal.kind != "bad key"}


def _as_seen(endpoint: Endpoint, there: dict[Api, Tried]) -> Endpoint:
    """The endpoint with the available APIs and their observed requirements."""
    dialect = endpoint.dialect
    if any(not way.system_anywhere for way in there.values()):
        dialect = replace(dialect, system_anywhere=False)
    if any(way.max_completion_tokens for way in there.values()):
        dialect = replace(dialect, max_tokens_field="max_completion_tokens")
    return endpoint.at({api: way.base_url for api, way in there.items()}).speaking(dialect)


def _refusal(agent: AgentAdapter, endpoint: Endpoint, there: dict[Api, Tried]) -> str | None:
    api = endpoint.api_for(agent.apis[0])
    if there[api].state == "fails":
        return f"{api}: {there[api].answer.summary}"
    return agent.lacks_room(endpoint.context) or None
