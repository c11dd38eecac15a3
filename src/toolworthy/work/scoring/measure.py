"""Measure a trial's exchanges: calls, tokens, cost, times, findings."""

from __future__ import annotations

from collections.abc import Sequence

from toolworthy import rules
from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.providers import Prices, Rates
from toolworthy.endpoint.target import Endpoint
from toolworthy.records.exchange import Exchange
from toolworthy.records.score import Score, Tokens
from toolworthy.work.scoring._copies import answers_of
from toolworthy.work.scoring._edits import judge_edits
from toolworthy.work.scoring.calls import call_scores, judge_calls
from toolworthy.work.scoring.lost_calls import leaks


def score(exchanges: Sequence[Exchange], agent: AgentAdapter, endpoint: Endpoint) -> Score:
    """Measure one trial. Side requests count for tokens and time, not as turns."""
    completions = [exchange for exchange in exchanges if exchange.kind == "completion"]
    calls = judge_calls(completions, agent)
    tokens = _tokens(completions)
    answered = [exchange.response for exchange in completions if exchange.response]
    return Score(
        answers=answers_of(completions),
        requests=len(completions),
        turns=sum(exchange.is_turn for exchange in completions),
        calls=len(calls),
        call_scores=call_scores(calls, judge_edits(completions, agent), completions),
        leaks=leaks(completions),
        tokens=tokens,
        cost_usd=_bill(completions, endpoint.prices),
        first_token_seconds=tuple(
            round(exchange.first_byte, 4)
            for exchange in completions
            if exchange.streamed and exchange.first_byte is not None
        ),
        request_seconds=tuple(round(exchange.seconds, 4) for exchange in completions if exchange.status is not None),
        findings=rules.check(exchanges),
        translated=any(exchange.translated for exchange in completions),
        losses=tuple(dict.fromkeys(loss for exchange in completions for loss in exchange.losses)),
        models_answered=tuple(dict.fromkeys(response.model for response in answered if response.model)),
    )


def _tokens(exchanges: Sequence[Exchange]) -> Tokens:
    usages = [exchange.response.usage for exchange in exchanges if exchange.response and exchange.response.usage]
    counts_by_name = {
        name: [n for usage in usages if (n := getattr(usage, name)) is not None] for name in Tokens.model_fields
    }
    return Tokens(**{name: sum(counts) for name, counts in counts_by_name.items() if counts})


def _bill(exchanges: Sequence[Exchange], prices: Prices | None) -> float | None:
    """US dollars for all of them; None where prices or tokens are not known."""
    if prices is None:
        return None
    every = [(exchange.started, _tokens([exchange])) for exchange in exchanges]
    known = [cost(tokens, prices.rates(tokens.input or 0, began)) for began, tokens in every]
    return sum(usd for usd in known if usd is not None) if any(usd is not None for usd in known) else None


def cost(tokens: Tokens, prices: Rates) -> float | None:
    """US dollars for the tokens of one request; None where it is not known how many they are."""
    if tokens.input is None or tokens.output is None:
        return None
    read, written, hour = (count or 0 for count in (tokens.cached, tokens.cache_write, tokens.cache_write_1h))
    read_price = prices.input if prices.cached is None else prices.cached
    write_price = prices.input if prices.cache_write is None else prices.cache_write
    hour_price = write_price if prices.cache_write_1h is None else prices.cache_write_1h
    million = (
        max(0, tokens.input - read - written) * prices.input
        + read * read_price
        + max(0, written - hour) * write_price
        + hour * hour_price
        + tokens.output * prices.output
    )
    return million / 1_000_000
