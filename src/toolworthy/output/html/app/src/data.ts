// What the page carries, as report/page/*.py writes it.

export type Kind = "pass" | "flaky" | "fail" | "without" | "error" | "na" | null;
/** The suite of any kind of work; a plugin may add one. */
export type Suite = string;
/** A text itself, or where it stands: in the page's list from 0, in the trial's own from -1 down. */
export type Text = string | number;

export interface Attempt { id: string; word: string; seconds: number }

export interface Item {
  run: number; suite: Suite; item: string; agent: string; codes: string[];
  kind: Kind; ok: number; n: number; word: string; category?: string; power: number | null;
  why: string; about: string; attempts: Attempt[];
  /** The rate of this very item with its 95 % interval; what ended at limits of ours, and what was not counted. */
  share: string; notes: string;
  /** Of a probe: the agents that meet what it asks. */
  meets?: string[];
  /** The id of the attempt to look at. */
  telling: string;
  turns?: number; calls?: number; tokens?: number | null; cost?: number | null; seconds: number; first?: number | null;
}

export interface Finding {
  code: string; title: string; severity: string; detail: string;
  /** What the trial's agent was measured to do with it; "" where it was not. */
  did?: string;
  evidence: { exchange: number; excerpt: string };
}
export interface Miss { kind: string; turn: number; wanted: string; given: string; detail: string; strict: boolean }
export interface Call { name: string; arguments: Text; result: Text | null; error: boolean }

export interface Step {
  n: number; method: string; path: string; status: number | null; side: boolean; local: boolean;
  at: number; first: number | null; seconds: number; note: string; stop: string | null;
  tokens: [number | null, number | null] | null;
  asked: [string, Text][]; reasoning: Text; text: Text; calls: Call[]; findings: number[];
  request: Text[]; upstream: Text[] | null; headers: [[string, string][], [string, string][]];
  response: [number, string][];
}

export interface Detail {
  facts: [string, string][]; started: number; seconds: number; offset: number;
  findings: Finding[]; reproduce: string; steps: Step[]; texts: string[];
  cause?: { kind: string; fault: string; detail: string; exchange: number | null } | null;
  verification?: { reward: number | null; output: string; ended: string; seconds: number } | null;
  diff?: string; output?: string; misses?: Miss[]; note?: string;
}

export interface Spread { agent: string; n: number; at: number[] }
export interface Measure { name: string; unit: string; about: string; spreads: Spread[] }
export interface Difference { of: number; name: string; value: number; low: number; high: number; word: string; ratio: boolean }
export interface Cause { agent: string; kind: string; fault: string; count: number }
export interface Past {
  name: string;
  points: { label: string; rate: number; low: number; high: number; told: string; lanes: string }[];
  /** Number of the first run after a change, from 0. */
  since: number | null;
}

export interface Index {
  runs: { name: string; title: string }[];
  /** Ids of agents, and what they are called. */
  titles: [string, string][];
  /** Code points that are shown instead of obeyed, and how. */
  hidden: [number, string][];
  items: Item[];
  /** Every trial, case and probe in the order of its block. */
  order: string[];
  points: number[];
  measures: Measure[];
  causes: Cause[];
  differences: Difference[];
  past: Past[];
}

/** The bytes of a block; null where the page was made without it. */
export function bytes(name: string): Uint8Array<ArrayBuffer> | null {
  const text = document.getElementById(name)?.textContent;
  return text ? Uint8Array.from(atob(text), (mark) => mark.charCodeAt(0)) : null;
}

/** The value of a block; null where the page was made without it. */
export async function unpack<T>(name: string): Promise<T | null> {
  const packed = bytes(name);
  if (!packed) return null;
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return (await new Response(stream).json()) as T;
}

const BLOCK = 16;
const places = new Map<string, number>();
const blocks = new Map<number, Promise<Record<string, Detail> | null>>();
let shared: Promise<string[] | null> | undefined;

const titles = new Map<string, string>();

/** Say once what stands where, and what agents are called. */
export function arrange({ order, titles: called }: Index): void {
  order.forEach((id, at) => places.set(id, Math.floor(at / BLOCK)));
  called.forEach(([id, title]) => titles.set(id, title));
}

/** What an agent is called; of a probe's way, itself. */
export function titled(agent: string): string {
  return titles.get(agent) ?? agent;
}

/** All of one trial, with a function that looks its texts up; null where it was left out. */
export async function detail(id: string): Promise<[Detail, (text: Text) => string] | null> {
  const place = places.get(id);
  if (place === undefined) return null;
  if (!blocks.has(place)) blocks.set(place, unpack(`d-${place}`));
  const found = (await blocks.get(place))?.[id];
  if (!found) return null;
  const common = (await (shared ??= unpack<string[]>("shared"))) ?? [];
  return [found, (text) => (typeof text === "string" ? text : ((text < 0 ? found.texts[-text - 1] : common[text]) ?? ""))];
}
