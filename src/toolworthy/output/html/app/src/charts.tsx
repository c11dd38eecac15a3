// Charts, drawn by Observable Plot. What they show stands in a table beside them.
import * as Plot from "@observablehq/plot";
import { useEffect, useRef } from "preact/hooks";
import { titled, type Cause, type Difference, type Measure, type Past } from "./data";

type Options = Parameters<typeof Plot.plot>[0];

/** A chart as wide as its place. */
function Chart({ options, label }: { options: (width: number) => Options; label: string }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const node = place.current!;
    let drawn = 0;
    const draw = () => {
      const width = Math.floor(node.clientWidth);
      if (!width || width === drawn) return;
      drawn = width;
      const chart = Plot.plot({ ...options(width), width, className: "plot" });
      // The page's own style says how it looks; the policy would refuse this one.
      chart.querySelectorAll("style").forEach((style) => style.remove());
      chart.querySelectorAll("[aria-label]").forEach((part) => part.removeAttribute("aria-label"));
      chart.setAttribute("role", "img");
      chart.setAttribute("aria-label", label);
      chart.removeAttribute("style");
      node.replaceChildren(chart);
    };
    const watch = new ResizeObserver(draw);
    watch.observe(node);
    draw();
    return () => watch.disconnect();
  }, [options, label]);
  return <div class="chart" ref={place} />;
}

const margin = (names: string[]) => 24 + 7 * Math.min(24, Math.max(0, ...names.map((name) => name.length)));

const figure = (value: number): string => (value >= 1e6 ? `${figure(value / 1e6)}M` : value >= 1e4 ? `${figure(value / 1e3)}k` : value.toLocaleString("en", { maximumSignificantDigits: 3 }));

/** Round values that enclose `low` to `high`, at most `most`: on a logarithmic axis 1, 2 and 5 of each power of ten, or powers alone. */
function ticks(low: number, high: number, most: number, log: boolean): number[] {
  for (const steps of log ? [[1, 2, 5], [1, 3], [1]] : []) {
    const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
    const every = [...Array(to - from + 1).keys()].flatMap((at) => steps.map((step) => +(step * 10 ** (from + at)).toPrecision(3)));
    const first = every.findLastIndex((value) => value <= low), last = every.findIndex((value) => value >= high);
    const shown = every.slice(Math.max(0, first), last + 1);
    if (shown.length <= most) return shown;
  }
  const power = 10 ** Math.floor(Math.log10((high - low) / most));
  const step = [1, 2, 5, 10, 20].map((times) => times * power).find((step) => (high - low) / step <= most - 1)!;
  const from = Math.floor(low / step), to = Math.ceil(high / step);
  return [...Array(to - from + 1).keys()].map((at) => +((from + at) * step).toPrecision(6));
}

/** An axis from the first of its ticks to the last, a tick to 70 pixels at most. */
function axis(low: number, high: number, width: number, log: boolean): Plot.ScaleOptions {
  const at = ticks(low, high > low ? high : low + 1, Math.max(3, Math.floor(width / 70)), log);
  return { type: log ? "log" : "linear", grid: true, ticks: at, domain: [at[0]!, at[at.length - 1]!] };
}

/** How one measure is spread, an agent a line: median, the middle half, and from the 5th to the 95th per cent. */
export function Spreads({ measure, points }: { measure: Measure; points: number[] }) {
  const at = (point: number) => points.indexOf(point);
  const rows = measure.spreads.map(({ agent, n, at: values }) => ({
    agent: titled(agent), n,
    low: values[at(5)]!, from: values[at(25)]!, middle: values[at(50)]!, to: values[at(75)]!, high: values[at(95)]!,
  }));
  const least = Math.min(...rows.map((row) => row.low));
  const most = Math.max(...rows.map((row) => row.high));
  const log = least > 0 && most / least > 20;
  const options = (width: number): Options => ({
    height: (measure.unit ? 56 : 40) + 26 * rows.length,
    marginBottom: measure.unit ? 40 : undefined,
    marginLeft: margin(rows.map((row) => row.agent)),
    x: { label: measure.unit || null, ...axis(log ? least : 0, most, width, log), tickFormat: figure },
    y: { label: null },
    marks: [
      Plot.ruleY(rows, { y: "agent", x1: "low", x2: "high", stroke: "var(--soft-ink)" }),
      Plot.barX(rows, { y: "agent", x1: "from", x2: "to", fill: "var(--accent)", fillOpacity: 0.35, insetTop: 4, insetBottom: 4 }),
      Plot.tickX(rows, { y: "agent", x: "middle", stroke: "var(--accent)", strokeWidth: 3 }),
    ],
  });
  return <Chart options={options} label={`${measure.name} by agent; the table beside it holds the figures`} />;
}

/** Why trials failed, an agent a bar. */
export function Causes({ causes }: { causes: Cause[] }) {
  const kinds = [...new Set(causes.map((cause) => cause.kind))];
  const options = (): Options => ({
    height: 62 + 28 * new Set(causes.map((cause) => cause.agent)).size,
    marginBottom: 42,
    marginLeft: margin(causes.map((cause) => cause.agent)),
    x: { label: "failed trials", tickFormat: "d", grid: true },
    y: { label: null },
    color: { domain: kinds, range: kinds.map((_, at) => `var(--c${(at % 8) + 1})`) },
    marks: [
      Plot.barX(causes, Plot.stackX({ y: "agent", x: "count", fill: "kind", insetTop: 3, insetBottom: 3, stroke: "var(--page)" })),
      Plot.text(causes, Plot.stackX({ y: "agent", x: "count", text: (cause: Cause) => (cause.count > 1 ? String(cause.count) : ""), fill: "var(--page)" })),
    ],
  });
  return (
    <>
      <Chart options={options} label="causes of failure by agent; the table beside it holds the figures" />
      <ul class="legend">{kinds.map((kind, at) => <li><span class={`swatch c${(at % 8) + 1}`} aria-hidden="true" />{kind}</li>)}</ul>
    </>
  );
}

/** Differences with their intervals, against none at all. */
export function Differences({ rows, ratio }: { rows: Difference[]; ratio: boolean }) {
  const low = Math.min(1, ...rows.map((row) => row.low)), high = Math.max(1, ...rows.map((row) => row.high));
  const options = (width: number): Options => ({
    height: 56 + 24 * rows.length,
    marginBottom: 42,
    marginLeft: margin(rows.map((row) => row.name)),
    x: ratio
      ? { label: "candidate ÷ baseline", ...axis(low, high, width, low > 0 && high / low > 4), tickFormat: figure }
      : { label: "candidate − baseline, percentage points", grid: true, transform: (value: number) => value * 100 },
    y: { label: null, domain: rows.map((row) => row.name) },
    marks: [
      Plot.ruleX([ratio ? 1 : 0], { stroke: "var(--ink)" }),
      Plot.ruleY(rows, { y: "name", x1: "low", x2: "high", stroke: "var(--accent)", strokeWidth: 2 }),
      Plot.dot(rows, { y: "name", x: "value", fill: "var(--accent)", r: 4 }),
    ],
  });
  return <Chart options={options} label="differences with 95 % intervals; the table beside it holds the figures" />;
}

interface Lane { at: number; lanes: string }

/** A rate over runs, with its intervals; letters say what else changed between a run and the one before. */
export function Over({ past }: { past: Past }) {
  const rows = past.points.map((point, at) => ({ ...point, at: at + 1 }));
  const lanes: Lane[] = rows.filter((row) => row.lanes);
  const options = (width: number): Options => ({
    height: 230,
    marginBottom: 40,
    x: { label: null, ticks: rows.map((row) => row.at).filter((at) => (at - 1) % Math.ceil((rows.length * 70) / width) === 0), tickFormat: (at: number) => rows[at - 1]?.label ?? "", domain: [0.5, rows.length + 0.5] },
    y: { label: "rate", domain: [0, 1], percent: true, grid: true },
    marks: [
      ...(past.since === null ? [] : [Plot.rectY([past.since + 0.5], { x1: (at: number) => at, x2: rows.length + 0.5, y1: 0, y2: 1, fill: "var(--warn)", fillOpacity: 0.15 })]),
      Plot.ruleX(lanes, { x: (row: Lane) => row.at - 0.5, stroke: "var(--warn)", strokeDasharray: "5 3" }),
      Plot.text(lanes, { x: (row: Lane) => row.at - 0.5, y: 1, text: "lanes", dy: -8, fill: "var(--warn)", fontWeight: "bold" }),
      Plot.line(rows, { x: "at", y: "rate", stroke: "var(--accent)" }),
      Plot.ruleX(rows, { x: "at", y1: "low", y2: "high", stroke: "var(--accent)" }),
      Plot.dot(rows, { x: "at", y: "rate", fill: "var(--accent)", r: 4, title: "told" }),
    ],
  });
  return <Chart options={options} label={`${past.name} over ${rows.length} runs; the table beside it holds the figures`} />;
}

export interface Span { from: number; to: number; kind: string; step: number }

/** Where a trial's time went, from its start to its end. */
export function Spans({ spans, kinds }: { spans: Span[]; kinds: string[] }) {
  const options = (): Options => ({
    height: 72,
    marginBottom: 40,
    marginLeft: 8,
    marginRight: 12,
    x: { label: "seconds since the trial began", nice: false },
    y: { axis: null },
    color: { domain: kinds, range: kinds.map((_, at) => `var(--c${at + 1})`) },
    marks: [Plot.rect(spans, { x1: "from", x2: "to", y1: 0, y2: 1, fill: "kind", title: (span: Span) => `${span.kind}, step ${span.step}: ${(span.to - span.from).toFixed(2)} s` })],
  });
  return <Chart options={options} label="where the time went, step by step; the sums stand below" />;
}
