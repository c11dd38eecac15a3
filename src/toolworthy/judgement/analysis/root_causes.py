"""The root causes of a run in the order in which to fix them, with the texts and counts that all outputs show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import get_args

from toolworthy.content import breakage, situations
from toolworthy.judgement.analysis._evidence import Evidence
from toolworthy.judgement.analysis._same_words import roots, same_words
from toolworthy.judgement.analysis.levels import Level, levels, reasons, served_apis
from toolworthy.judgement.analysis.remedy import remedy_for, server_of
from toolworthy.judgement.analysis.root_cause import Harm, RootCause, named
from toolworthy.judgement.analysis.triage import Triaged, kinds_of, triaged
from toolworthy.judgement.analysis.unruled import UNRULED
from toolworthy.records.case import CaseResult
from toolworthy.records.finding import Severity, rank
from toolworthy.records.meta import RunMeta
from toolworthy.records.probe import ProbeResult
from toolworthy.records.result import Result
from toolworthy.records.store import RunDirectory
from toolworthy.records.triage import TriageEntry
from toolworthy.records.trial import TrialResult
from toolworthy.rules import by_code
from toolworthy.wire.ir import APIS, Api
from toolworthy.work.kinds import KINDS
from toolworthy.work.probes import NO_CALLS, SMALL_CONTEXT, UNMADE
from toolworthy.work.probes.effects import Effect, Reason, weight
from toolworthy.work.probes.severity import severity_for

_SIGHTINGS = 3
"""A rule that depends on times needs this many findings: fewer may come from a busy machine."""
_LONG = 120
"""The most characters of an error's message in a title."""


def root_causes(meta: RunMeta, results: Sequence[Result], entries: Sequence[TriageEntry] = ()) -> tuple[RootCause, ...]:
    """All root causes of a run: the most harmful first, harmless ones last, known ones after all others.

    Args:
        meta: the run's metadata.
        results: of all suites.
        entries: triage entries.
    """
    evidence = _Evidence(meta, results)
    every = (evidence.cause(code) for code in evidence.roots)
    decided = (replace(one, triage=triaged(entries, one.sighting, meta.endpoint, date.today())) for one in every)
    return tuple(sorted(decided, key=_place))


def causes_of(run: RunDirectory) -> tuple[RootCause, ...]:
    """The root causes of a run, with the decisions in its ``triage.toml``."""
    return run.derived(_causes)


def _causes(run: RunDirectory) -> tuple[RootCause, ...]:
    return root_causes(run.meta, run.measured(), run.triage)


class _Evidence:
    """The results of a run, grouped by code of rule, probe or cause."""

    def __init__(self, meta: RunMeta, results: Sequence[Result]) -> None:
        self.results = results
        self.probes = [result for result in results if isinstance(result, ProbeResult)]
        self.trials = [result for result in results if isinstance(result, TrialResult)]
        self.cases = [result for result in results if isinstance(result, CaseResult)]
        self.levels = levels(self.probes)
        self.server, self.endpoint = server_of(meta, self.probes), meta.endpoint.name
        self.reasons = {reason.code: reason for reason in reasons(self.levels)}
        self.seen: dict[str, list[Result]] = {}
        self.words: dict[str, tuple[str, str, Severity]] = {}
        """Title, example and severity of every code."""
        for result in results:
            for code, words in _codes(result):
                self.seen.setdefault(code, []).append(result)
                self.words.setdefault(code, words)
        for code in [code for code, held in self.seen.items() if len(held) < _SIGHTINGS and _clocked(code)]:
            del self.seen[code]
        self.parent = {code: reason.root for code, reason in self.reasons.items() if reason.root in self.seen}
        self.parent |= self._always_following()
        groups = [*same_words(self.probes)]
        self.parent |= roots(groups)
        self.rejections = {group.code for group in groups if group.refused and group.title}
        for group in groups:
            title, _, severity = self.words[group.code]
            if group.title:
                title = group.title[:_LONG] + "…" * (len(group.title) > _LONG)
            self.words[group.code] = title, group.message, severity
            self.seen[group.code] = [*dict.fromkeys([*self.seen[group.code], *group.results])]
        self.parent |= {one.key.probe: one.cause for one in self.probes if one.judged and one.cause in self.seen}
        for api in served_apis(self.probes):
            self._uncalled([probe for probe in self.probes if probe.endpoint_api == api])
        rules = {code for result in results for code in (finding.code for finding in result.findings)}
        shown = [
            code
            for code in self.seen
            if code in rules or code in self.reasons or code.startswith("cause-") or code in UNRULED
        ]
        self.members: dict[str, list[str]] = {}
        for code in shown:
            self.members.setdefault(self.root(code), []).append(code)
        self.roots = list(self.members)

    def root(self, code: str) -> str:
        """The root cause that a code follows from; the code itself if it is one."""
        met = {code}
        while (above := self.parent.get(code)) and above not in met:
            met.add(code := above)
        return code

    def _uncalled(self, probes: Sequence[ProbeResult]) -> None:
        """Add a root cause if the model made no call at all over one API."""
        lacking = [probe for probe in probes if probe.cause == NO_CALLS]
        explained = any(probe.judged and probe.cause in UNMADE for probe in probes)
        if lacking and not explained and not any(probe.leaks.calls for probe in probes):
            self.seen.setdefault(NO_CALLS, []).extend(lacking)
            self.words.setdefault(NO_CALLS, (UNRULED[NO_CALLS].title, lacking[0].detail, "blocks"))

    def _always_following(self) -> dict[str, str]:
        """Rules that are no agent's reason, and whose findings all follow from another."""
        every = [finding for result in self.results for finding in result.findings if finding.code not in self.reasons]
        alone = {finding.code for finding in every if not finding.follows}
        return {one.code: one.follows for one in every if one.code not in alone and one.follows in self.seen}

    def cause(self, code: str) -> RootCause:
        """The root cause with this code."""
        title, detail, severity = self.words[code]
        members = self.members[code]
        shown = [result for one in members for result in self.seen[one]]
        harms = tuple(sorted(self._harms(code), key=lambda harm: weight(harm.effect)))
        worst = [self.reasons[one].severity for one in members if one in self.reasons]
        over = {api for result in self.seen[code] if (api := _api(result))}
        apis = tuple(api for api in APIS if api in over)
        probed = {result.key.api for one in members for result in self.seen[one] if isinstance(result, ProbeResult)}
        spared = tuple(api for api in served_apis(self.probes) if api not in probed and probed and self._asked(api))
        return RootCause(
            code=code,
            title=title,
            detail=detail,
            severity=min((severity, *worst), key=rank),
            harms=harms,
            seen=dict(self._counted(self.seen[code])),
            apis=apis,
            spared=spared,
            remedy=remedy_for(self.server, members, rejected=code in self.rejections) + self._detour(spared, harms),
            follows=tuple(named(one, self.words[one][0]) for one in members if one != code),
            failed=tuple(dict.fromkeys(str(one.key) for one in shown if self._by(one, code))),
            codes=(code, *(one for one in members if one != code)),
            probes=tuple(dict.fromkeys(str(one.key) for one in shown if isinstance(one, ProbeResult))),
            says=kinds_of(code, self.seen[code]),
            triage=Triaged(),
        )

    def _by(self, result: Result, code: str) -> bool:
        """Whether a result that shows a root cause failed because of it."""
        if isinstance(result, TrialResult):
            return any(self.root(one) == code for one in _blamed(result))
        if isinstance(result, CaseResult):  # all other misses are the model's fault
            return any(miss.kind == "leaked call" for miss in result.misses)
        return result.judged and not result.ok

    def _detour(self, spared: Sequence[Api], harms: Sequence[Harm]) -> str:
        """A workaround for the harmed agents: translation to an API without the fault."""
        if not spared or all(harm.effect == "noted" for harm in harms):
            return ""
        return f" Until then `toolworthy proxy --endpoint {self.endpoint} --wire {spared[0]}` translates for them."

    def _asked(self, api: Api) -> bool:
        return any(probe.judged and probe.api == api for probe in self.probes)

    def _counted(self, seen: Sequence[Result]) -> Iterator[tuple[str, tuple[int, int]]]:
        for suite in KINDS:
            own = [result for result in seen if result.key.suite == suite]
            over = {_api(result) for result in own}
            if own:
                yield suite, (len(own), sum(one.key.suite == suite and _api(one) in over for one in self.results))

    def _harms(self, code: str) -> Iterator[Harm]:
        """Its harm to every agent: results of trials outweigh predictions from probes."""
        foretold = {level.agent.id: level for level in self.levels}
        tried = [trial.key.agent for trial in self.trials]
        for agent in dict.fromkeys([*foretold, *tried, *(case.key.toolset for case in self.cases)]):
            trials = [trial for trial in self.trials if trial.key.agent == agent]
            harm = self._observed_harm(code, agent, trials) or self._predicted_harm(
                code, agent, foretold.get(agent), trials
            )
            if harm := harm or self._in_cases(code, agent):
                yield harm

    def _in_cases(self, code: str, agent: str) -> Harm | None:
        cases = [case for case in self.cases if case.key.toolset == agent and case.judged]
        failed = sum(self._by(case, code) for case in cases if any(self.root(f.code) == code for f in case.findings))
        return Harm(agent, "fails", f"in {failed} of {len(cases)} tool-call cases", "cases") if failed else None

    def _observed_harm(self, code: str, agent: str, trials: Sequence[TrialResult]) -> Harm | None:
        failed = [trial for trial in trials if any(self.root(one) == code for one in _blamed(trial))]
        if not failed:
            return None
        effect: Effect = "fails" if any(trial.ok for trial in trials) else "breaks"
        return Harm(agent, effect, f"in {len(failed)} of {len(trials)} trials", "this run")

    def _predicted_harm(self, code: str, agent: str, level: Level | None, trials: Sequence[TrialResult]) -> Harm | None:
        mine = [reason for reason in level.reasons if self.root(reason.code) == code] if level else []
        met = (finding for trial in trials for finding in trial.findings if finding.code == code)
        if code == NO_CALLS:
            uncertain = level and level.word == "untested" and any(one in level.probes for one in self.seen[code])
            return Harm(agent, "untested", "", "model or server") if uncertain and not trials else None
        if not mine:
            minded = any(severity_for(agent, one.code, one.severity) != "cosmetic" for one in met)
            return Harm(agent, "noted", "", "this run") if minded else None
        worst = min(mine, key=lambda reason: weight(reason.effect))
        effect, when = worst.effect, _when(worst)
        if effect == "breaks" and any(trial.ok for trial in trials):
            effect, when = "fails", "in probes, but not in all of its trials"
        detail = worst.detail if worst.code == code and worst.of_probe else ""
        did = breakage.did(agent, code, worst.situation, detail) or breakage.did(agent, code, detail=detail) or ""
        if did == "unaffected":  # that was in the plain task, which does not include this situation
            did = ""
        own = any(
            isinstance(one, ProbeResult) and one.main_path and one.needed_by(agent) and not one.ok
            for one in self.seen[worst.code]
        )
        if code == SMALL_CONTEXT:
            return Harm(agent, effect, when, "context")
        evidence: Evidence = "own requests" if own else "earlier" if did else "rule"
        return Harm(agent, effect, when, evidence, did)


def _codes(result: Result) -> Iterator[tuple[str, tuple[str, str, Severity]]]:
    """All faults of a result, each code once, with its title, an example and its severity."""
    findings = {finding.code: finding for finding in reversed(result.findings)}
    for code, finding in findings.items():
        yield code, (finding.title, finding.detail, finding.severity)
    if isinstance(result, ProbeResult) and result.judged and not result.ok:
        if result.cause in UNRULED:
            yield result.cause, (UNRULED[result.cause].title, result.detail, result.severity)
        yield result.key.probe, (result.title, f"{result.verdict}: {result.detail}", result.severity)
    if isinstance(result, TrialResult) and result.cause:
        for code in _blamed(result):
            if code not in findings:
                title = rule.title if (rule := by_code(code)) else result.cause.kind
                yield code, (title, result.cause.detail, "blocks")


def _api(result: Result) -> Api | None:
    """The wire API of the endpoint that a result is about; a probe may judge an exchange that another one sent."""
    return result.api or (result.key.api if isinstance(result, ProbeResult) and result.judged else None)


def _clocked(code: str) -> bool:
    rule = by_code(code)
    return rule is not None and rule.clocked


def _blamed(trial: TrialResult) -> Iterator[str]:
    """The codes that a trial failed because of, if the endpoint is at fault."""
    if trial.status in ("failed", "refused") and (cause := trial.cause):
        blocking = [one.code for one in trial.findings if one.severity == "blocks" and not one.follows]
        if cause.kind == "wire defect" and (cause.rule or blocking):
            yield from (cause.rule,) if cause.rule else dict.fromkeys(blocking)
        elif cause.fault in ("endpoint", "server"):
            yield f"cause-{cause.kind.replace(' ', '-')}"


def _when(reason: Reason) -> str:
    return f"when {phrase}" if (phrase := situations.PHRASES[reason.situation]) else "in some responses"


def _place(cause: RootCause) -> tuple[int | str, ...]:
    effects = [harm.effect for harm in cause.harms]
    worst = min(map(weight, effects), default=len(get_args(Effect)))
    harmed = -effects.count("breaks"), -effects.count("fails"), rank(cause.severity), -len(effects)
    return cause.triage.known, worst, *harmed, cause.code
