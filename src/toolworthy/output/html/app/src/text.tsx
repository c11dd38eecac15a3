// Texts of models and servers: shown, never obeyed.
import { diffWordsWithSpace } from "diff";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

let hidden = /(?!)/;
let shown = new Map<string, string>();

/** Say once which characters are made visible. */
export function reveal(table: [number, string][]): void {
  shown = new Map(table.map(([code, mark]) => [String.fromCodePoint(code), mark]));
  const every = [...shown.keys()].map((mark) => `\\u{${mark.codePointAt(0)!.toString(16)}}`).join("");
  hidden = new RegExp(`([${every}]|[\\uD800-\\uDFFF])`, "u");
}

/** `text` where there is no room for marks that stand out: a label, a choice. */
export function plainly(text: string): string {
  return text.split(hidden).map((part, at) => (at % 2 ? mark(part) : part)).join("");
}

/** `text`, with what the eye would not see marked. */
export function Shown({ text }: { text: string }) {
  if (!hidden.test(text)) return <>{text}</>;
  const parts = text.split(hidden);
  return <>{parts.map((part, at) => (at % 2 ? <span class="hidden-mark">{mark(part)}</span> : part))}</>;
}

function mark(part: string): string {
  return shown.get(part) ?? `⟨U+${part.charCodeAt(0).toString(16).toUpperCase()}⟩`;
}

const FIRST = 4_000;
const LINES = 3_000;
const WIDE = 2_000;

/** The beginning of a line. */
export function short(line: string): string {
  return line.length > WIDE ? `${line.slice(0, WIDE)} … ${(line.length - WIDE).toLocaleString("en")} characters` : line;
}

/** What a list leaves out, if it does. */
export function Rest({ of, shown, what }: { of: number; shown: number; what: string }) {
  return of > shown ? <p class="soft">{(of - shown).toLocaleString("en")} more {what} in the run directory</p> : null;
}

/** Bytes that show something, and what. */
export interface Telling { excerpt: string; name: string }

/** A text in a frame; of a long one the beginning, until more is wanted. What tells most of `marked` comes first, and into view. */
export function Long({ text, label, marked = [] }: { text: string; label: string; marked?: Telling[] }) {
  const [much, more] = useState(FIRST);
  const frame = useRef<HTMLPreElement>(null);
  const places = marked.map(({ excerpt, name }) => ({ at: excerpt ? text.indexOf(excerpt) : -1, length: excerpt.length, name })).filter(({ at }) => at >= 0);
  const end = Math.max(much, ...places.map(({ at, length }) => at + length + 400));
  const first = places[0]?.at;
  useEffect(() => {
    const mark = frame.current?.querySelector<HTMLElement>(`mark[data-at="${first}"]`);
    if (mark) show(mark);
  }, [first]);
  return (
    <>
      <pre ref={frame} tabIndex={0} role="group" aria-label={label}>
        <Marked text={text.slice(0, end)} places={places} />
      </pre>
      {text.length > end && (
        <button type="button" class="more" onClick={() => more(end * 8)}>
          more ({(text.length - end).toLocaleString("en")} characters)
        </button>
      )}
    </>
  );
}

/** Scrolls the frame of a mark, not the page. */
export function show(mark: HTMLElement): void {
  const frame = mark.closest("pre")!;
  if (mark.offsetHeight) frame.scrollTop += mark.getBoundingClientRect().top - frame.getBoundingClientRect().top - frame.clientHeight / 3;
}

function Marked({ text, places }: { text: string; places: { at: number; length: number; name: string }[] }) {
  const parts: ComponentChildren[] = [];
  let done = 0;
  for (const { at, length, name } of [...places].sort((one, other) => one.at - other.at)) {
    if (at < done) continue; // within another one
    parts.push(<Shown text={text.slice(done, at)} />, <mark title={name} data-at={at}><Shown text={text.slice(at, at + length)} /></mark>);
    done = at + length;
  }
  return <>{parts}<Shown text={text.slice(done)} /></>;
}

/** Something that opens. */
export function Fold({ title, open = false, children }: { title: ComponentChildren; open?: boolean; children: ComponentChildren }) {
  const [seen, see] = useState(open);
  return (
    <details open={open} onToggle={(event) => event.currentTarget.open && see(true)}>
      <summary>{title}</summary>
      {seen && children}
    </details>
  );
}

/** What was wanted beside what was given, differences marked. */
export function Pair({ wanted, given }: { wanted: string; given: string }) {
  const parts = wanted.length + given.length < 20_000 ? diffWordsWithSpace(wanted, given, { maxEditLength: 1_000 }) : undefined;
  const side = (name: string, whole: string, skip: "added" | "removed", Tag: "ins" | "del") => (
    <div>
      <strong>{name}</strong>
      {parts ? (
        <pre tabIndex={0} role="group" aria-label={name}>
          {parts.filter((part) => !part[skip]).map((part) =>
            part.added || part.removed ? <Tag><Shown text={part.value} /></Tag> : <Shown text={part.value} />,
          )}
        </pre>
      ) : (
        <Long text={whole} label={name} />
      )}
    </div>
  );
  return (
    <div class="pair">
      {side("wanted", wanted, "added", "del")}
      {side("given", given, "removed", "ins")}
    </div>
  );
}

/** A unified diff. */
export function Patch({ text }: { text: string }) {
  const kind = (line: string) =>
    /^(\+\+\+|---|diff |index )/.test(line) ? "file" : line[0] === "+" ? "add" : line[0] === "-" ? "cut" : line[0] === "@" ? "place" : "";
  const lines = text.split("\n");
  return (
    <>
      <pre class="patch" tabIndex={0} role="group" aria-label="what changed in the workspace">
        {lines.slice(0, LINES).map((line) => <span class={kind(line)}><Shown text={short(line)} />{"\n"}</span>)}
      </pre>
      <Rest of={lines.length} shown={LINES} what="lines" />
    </>
  );
}

/** The arguments of a call: names and values, texts as they are; whatever is no JSON object, as it came. */
export function Arguments({ text }: { text: string }) {
  const [raw, toggle] = useState(false);
  const named = useMemo(() => parsed(text), [text]);
  if (!named || raw) return <>
    <Long text={text} label="arguments" />
    {named && <button type="button" onClick={() => toggle(false)}>by name</button>}
  </>;
  return (
    <>
      <dl class="arguments">
        {named.map(([name, one]) => <>
          <dt><Shown text={name} /></dt>
          <dd><Long text={one} label={plainly(name)} /></dd>
        </>)}
      </dl>
      {named.length ? <button type="button" onClick={() => toggle(true)}>as sent</button> : <p class="soft">no arguments</p>}
    </>
  );
}

/** Names with their values as text; null for what is no object, or too deep to be written again. */
function parsed(text: string): [string, string][] | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
    return Object.entries(value).map(([name, one]) => [name, typeof one === "string" ? one : JSON.stringify(one)]);
  } catch {
    return null;
  }
}
