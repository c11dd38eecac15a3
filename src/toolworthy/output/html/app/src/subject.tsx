// One trial, case or probe: facts, why it went as it did, and its timeline; another one beside it, if wanted.
import { useEffect, useRef, useState } from "preact/hooks";
import { Spans, type Span } from "./charts";
import { detail, type Call, type Detail, type Finding, type Item, type Step, type Suite, type Text } from "./data";
import { at, finding as toFinding, table } from "./route";
import { Arguments, Fold, Long, Pair, Patch, plainly, Rest, short, Shown } from "./text";

type Look = (text: Text) => string;
type State = "reading" | "left out" | [Detail, Look];

export function Subject({ id, item, step, beside, others }: { id: string; item: Item | undefined; step: string; beside: string; others: Item[] }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: Boolean(step) }), [id]);
  const rivals = others.flatMap((other) => other.attempts.map((attempt) => attempt.id)).filter((other) => other !== id);
  return (
    <div class="subject">
      <p><a href="#verdict">← the whole page</a> · <a href={table(item?.suite ?? "tasks")}>all {NAMES[item?.suite ?? ""] ?? "results"}</a> · <button type="button" class="link" data-link={at(id, { step, with: beside })}>copy link to this</button></p>
      <h2 ref={heading} tabIndex={-1}>{label(id)}</h2>
      {rivals.length > 0 && (
        <p class="filters">
          <label>
            beside it{" "}
            <select value={beside} onChange={(event) => (location.hash = at(id, { with: event.currentTarget.value }))}>
              <option value="">nothing</option>
              {rivals.map((other) => <option value={other}>{label(other)}</option>)}
            </select>
          </label>
        </p>
      )}
      {!item ? (
        <p>This page has nothing of that name.</p>
      ) : beside ? (
        <div class="two">
          <section aria-label={label(id)}><h3>{label(id)}</h3><Ended id={id} among={others} /><Body id={id} step={step} /></section>
          <section aria-label={label(beside)}><h3>{label(beside)}</h3><Ended id={beside} among={others} /><Body id={beside} step="" /></section>
        </div>
      ) : (
        <><Ended id={id} among={others} /><Body id={id} step={step} /></>
      )}
    </div>
  );
}

function Ended({ id, among }: { id: string; among: Item[] }) {
  const word = among.flatMap((item) => item.attempts).find((attempt) => attempt.id === id)?.word;
  return word ? <p>It ended as <strong>{word}</strong>.</p> : null;
}

const NAMES: Record<Suite, string> = { tasks: "trials", tools: "cases", wire: "probes" };

/** The key of a trial, without the number of its run where that is the first. */
export function label(id: string): string {
  const run = runOf(id);
  return plainly(id.slice(id.indexOf("/") + 1)) + (run ? ` (run ${run + 1})` : "");
}

function runOf(id: string): number {
  return Number(id.split("/", 1)[0]);
}

function Body({ id, step }: { id: string; step: string }) {
  const [state, set] = useState<State>("reading");
  useEffect(() => {
    let current = true;
    set("reading");
    detail(id).then((found) => current && set(found ?? "left out"), () => current && set("left out"));
    return () => void (current = false);
  }, [id]);
  useEffect(() => {
    if (step && typeof state !== "string") document.getElementById(`step-${id}-${step}`)?.scrollIntoView();
  }, [step, state]);
  if (state === "reading") return <p role="status">reading …</p>;
  if (state === "left out")
    return <p>The page would be too large with everything in it: this one is in the run directory only. <code>toolworthy report RUN --only {label(id)}</code> makes a page that shows it.</p>;
  const [one, look] = state;
  return <Whole id={id} one={one} look={look} step={step} />;
}

function Whole({ id, one, look, step }: { id: string; one: Detail; look: Look; step: string }) {
  return (
    <>
      {one.cause && (
        <p class="cause"><strong>{one.cause.kind}</strong>, fault of {one.cause.fault}: <Shown text={one.cause.detail} />{" "}
          {one.cause.exchange !== null && <a href={at(id, { step: String(one.cause.exchange) })}>see step {one.cause.exchange}</a>}
        </p>
      )}
      {one.note && <p><Shown text={one.note} /></p>}
      <dl class="facts">
        {one.facts.map(([name, value]) => <><dt>{name}</dt><dd><Shown text={value} /></dd></>)}
        <dt>again</dt><dd><code><Shown text={one.reproduce} /></code> <button type="button" data-copy={plainly(one.reproduce)}>copy</button></dd>
      </dl>
      {one.misses?.map((miss) => (
        <>
          <h3>{miss.kind}{miss.strict && " (minded by the strict reading only)"}, turn {miss.turn + 1}</h3>
          {miss.detail && <p><Shown text={miss.detail} /></p>}
          <Pair wanted={miss.wanted} given={miss.given} />
        </>
      ))}
      {one.findings.length > 0 && <><h3>Findings</h3><ul>{alike(one.findings).map((same) => <li><Found id={id} finding={same[0]!} />{same.length > 1 && ` (${same.length} times)`}
        {same.map(({ evidence }) => <>{" "}<a href={at(id, { step: String(evidence.exchange) })}>step {evidence.exchange}</a></>)}</li>)}</ul></>}
      {one.verification && (
        <Fold title={`hidden tests: reward ${one.verification.reward ?? "none"}, ${one.verification.seconds.toFixed(1)} s`}>
          <Long text={one.verification.output} label="output of the hidden tests" />
        </Fold>
      )}
      {one.diff && <Fold title="what changed in the workspace"><Patch text={one.diff} /></Fold>}
      {one.output && <Fold title="the agent's own output"><Long text={one.output} label="the agent's output" /></Fold>}
      <h3>Timeline</h3>
      {one.steps.length ? <Time one={one} /> : <p class="soft">No request is on record.</p>}
      <ol class="steps">
        {one.steps.map((turn) => <Turn id={id} turn={turn} one={one} look={look} open={String(turn.n) === step} />)}
      </ol>
    </>
  );
}

const SEVERITIES = ["blocks", "degrades", "cosmetic"];

/** Findings of one rule together, the worst first. */
function alike(findings: Finding[]): Finding[][] {
  const found = new Map<string, Finding[]>();
  for (const finding of findings) found.set(finding.code, [...(found.get(finding.code) ?? []), finding]);
  return [...found.values()].sort(([one], [other]) => worse(one!, other!));
}

const worse = (one: Finding, other: Finding): number => SEVERITIES.indexOf(one.severity) - SEVERITIES.indexOf(other.severity);

function Found({ id, finding }: { id: string; finding: Finding }) {
  return (
    <>
      <a class={`mark ${finding.severity}`} href={toFinding(runOf(id), finding.code)}>{finding.code} {finding.severity}</a>{" "}
      <Shown text={`${finding.title}: ${finding.detail}`} />
      {finding.did && <span class="soft"> (this agent in a small task with it: {finding.did})</span>}
    </>
  );
}

const KINDS = ["waiting for the first byte", "answering", "agent, its tools, and all else", "hidden tests"];

function Time({ one }: { one: Detail }) {
  const spans: Span[] = [];
  const push = (from: number, to: number, kind: string, step: number) => to > from && spans.push({ from, to, kind, step });
  let now = 0;
  for (const step of one.steps) {
    const asked = step.at + one.offset;
    push(now, asked, KINDS[2]!, step.n);
    const from = Math.max(now, asked);
    const end = asked + step.seconds;
    const first = Math.min(end, asked + (step.first ?? step.seconds));
    push(from, Math.max(from, first), KINDS[0]!, step.n);
    push(Math.max(from, first), end, KINDS[1]!, step.n);
    now = Math.max(now, end);
  }
  const end = one.seconds;
  const tests = Math.max(now, end - (one.verification?.seconds ?? 0));
  push(now, tests, KINDS[2]!, one.steps.length);
  push(tests, end, KINDS[3]!, one.steps.length);
  const sums = KINDS.map((kind) => spans.filter((span) => span.kind === kind).reduce((sum, span) => sum + span.to - span.from, 0));
  return (
    <>
      <Spans spans={spans} kinds={KINDS} />
      <ul class="legend">{KINDS.map((kind, place) => sums[place]! > 0 && <li><span class={`swatch c${place + 1}`} aria-hidden="true" />{kind} {sums[place]!.toFixed(2)} s</li>)}</ul>
    </>
  );
}

function Turn({ id, turn, one, look, open }: { id: string; turn: Step; one: Detail; look: Look; open: boolean }) {
  const found = turn.findings.map((number) => one.findings[number]!).sort(worse);
  return (
    <li class={`step ${turn.side || turn.local ? "side" : ""} ${open ? "wanted" : ""}`} id={`step-${id}-${turn.n}`}>
      <p class="line">
        <a href={at(id, { step: String(turn.n) })} aria-label={`link to step ${turn.n}`}>{turn.n}</a>{" "}
        <span><Shown text={`${turn.method} ${turn.path}`} /></span>{" "}
        <strong class={turn.status && turn.status < 400 ? "" : "fail"}>{turn.status ?? "no answer"}</strong>
        {turn.local ? " · answered by the gateway" : turn.side ? " · beside the task" : ""}
        <span class="soft">
          {" "}at {(turn.at + one.offset).toFixed(2)} s · first byte {seconds(turn.first)} · whole {seconds(turn.seconds)}
          {turn.tokens && ` · ${turn.tokens[0] ?? "?"} → ${turn.tokens[1] ?? "?"} tokens`}
          {turn.stop && ` · stop: ${turn.stop}`}
        </span>
      </p>
      {turn.note && <p class="fail"><Shown text={turn.note} /></p>}
      {found.map((finding) => <p><Found id={id} finding={finding} /></p>)}
      {turn.asked.map(([role, text]) => <Fold title={<><Shown text={role} /> <span class="soft">{look(text).length.toLocaleString("en")} characters</span></>}><Long text={look(text)} label={plainly(role)} /></Fold>)}
      {look(turn.reasoning) && <Fold title="reasoning"><Long text={look(turn.reasoning)} label="reasoning" /></Fold>}
      {look(turn.text) && <Long text={look(turn.text)} label="the answer's text" />}
      {turn.calls.map((call) => <Made call={call} look={look} />)}
      <Fold title={`bytes of step ${turn.n}`} open={open}><Raw turn={turn} found={found} look={look} /></Fold>
    </li>
  );
}

function Made({ call, look }: { call: Call; look: Look }) {
  return (
    <div class="call">
      <p><strong><Shown text={call.name} /></strong></p>
      <Arguments text={look(call.arguments)} />
      {call.result === null ? <p class="soft">no result came back</p> : (
        <Fold title={call.error ? <span class="fail">result: an error</span> : "result"} open={look(call.result).length < 600}>
          <Long text={look(call.result)} label="result" />
        </Fold>
      )}
    </div>
  );
}

const PIECES = 400;

function Raw({ turn, found, look }: { turn: Step; found: Finding[]; look: Look }) {
  const marked = found.map(({ code, title, evidence }) => ({ excerpt: evidence.excerpt, name: `${code} ${title}` }));
  const whole = turn.response.map(([, text]) => text).join("");
  const sent = (turn.upstream ?? turn.request).map(look).join("");
  return (
    <div class="raw">
      <Fold title={`request as it was sent, ${sent.length.toLocaleString("en")} characters`}>
        <Headers rows={turn.headers[0]} /><Long text={sent} label="request body" />
      </Fold>
      {turn.upstream && <Fold title="request as the agent wrote it"><Long text={turn.request.map(look).join("")} label="the agent's request body" /></Fold>}
      <Fold title={`response, ${whole.length.toLocaleString("en")} characters in ${turn.response.length} pieces`} open={marked.some(({ excerpt }) => excerpt && whole.includes(excerpt))}>
        <Headers rows={turn.headers[1]} /><Long text={whole} label="response body" marked={marked} />
      </Fold>
      <Fold title="response piece by piece, as it arrived">
        <div class="scroll" tabIndex={0} role="group" aria-label="pieces of the response">
          <table>
            <thead><tr><th scope="col">second</th><th scope="col">bytes as text</th></tr></thead>
            <tbody>{turn.response.slice(0, PIECES).map(([when, text]) => <tr><td class="number">{when.toFixed(3)}</td><td><code><Shown text={short(text)} /></code></td></tr>)}</tbody>
          </table>
        </div>
        <Rest of={turn.response.length} shown={PIECES} what="pieces" />
      </Fold>
    </div>
  );
}

function Headers({ rows }: { rows: [string, string][] }) {
  return <Fold title={`${rows.length} headers`}><pre tabIndex={0} role="group" aria-label="headers">{rows.map(([name, value]) => <><Shown text={`${name}: ${value}`} />{"\n"}</>)}</pre></Fold>;
}

function seconds(value: number | null): string {
  return value === null ? "–" : `${value.toFixed(2)} s`;
}
