// Every item of every suite in a table, searched, filtered and sorted; one of them, opened.
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { titled, type Index, type Item, type Kind, type Suite } from "./data";
import { at, finding, table, usePlace } from "./route";
import { Subject } from "./subject";
import { Table, type Column } from "./table";

export const MARKS: Record<Exclude<Kind, null>, [string, string]> = {
  pass: ["✓", "passed"], flaky: ["~", "sometimes"], fail: ["✗", "failed"], without: ["○", "not supported"], error: ["!", "not measured"], na: ["–", "cannot work"],
};
const TITLES: Record<Suite, string> = { tasks: "Tasks", tools: "Tool calls", wire: "Wire probes" };
const ITEM: Record<Suite, string> = { tasks: "task", tools: "case", wire: "probe" };
const AGENT: Record<Suite, string> = { tasks: "agent", tools: "toolset", wire: "way" };

export function Explorer({ index }: { index: Index }) {
  const place = usePlace();
  const box = useRef<HTMLDivElement>(null);
  const suites = useMemo(() => [...new Set(index.items.map((item) => item.suite))], [index]);
  const known = useMemo(() => new Map(index.items.flatMap((item) => item.attempts.map((attempt) => [attempt.id, item] as const))), [index]);
  const suite = place?.suite && suites.includes(place.suite) ? place.suite : suites[0];
  useEffect(() => { if (place) box.current?.scrollIntoView(); }, [place?.at, place?.suite]);
  if (!suite) return <p>Nothing was measured.</p>;
  const item = place?.at ? known.get(place.at) : undefined;
  return (
    <div ref={box} class="explorer">
      <nav aria-label="suites" class="tabs">
        {suites.map((name) => (
          <a href={table(name)} aria-current={name === suite ? "true" : undefined}>
            {TITLES[name] ?? name} <span class="soft">{index.items.filter((one) => one.suite === name).length.toLocaleString("en")}</span>
          </a>
        ))}
      </nav>
      {place?.at ? (
        <Subject id={place.at} item={item} step={place.query.get("step") ?? ""} beside={place.query.get("with") ?? ""}
          others={item ? index.items.filter((one) => one.suite === item.suite && one.item === item.item).slice(0, 200) : []} />
      ) : (
        <Found index={index} suite={suite} query={place?.query ?? new URLSearchParams()} />
      )}
    </div>
  );
}

function Found({ index, suite, query }: { index: Index; suite: Suite; query: URLSearchParams }) {
  const own = useMemo(() => index.items.filter((item) => item.suite === suite), [index, suite]);
  const key = query.toString();
  const rows = useMemo(() => own.filter((item) => fits(item, query)), [own, key]);
  const columns = useMemo(() => columnsOf(suite, index), [suite, index]);
  const set = (name: string, value: string) => {
    const wanted = Object.fromEntries(query);
    history.replaceState(null, "", table(suite, { ...wanted, [name]: value }));
    dispatchEvent(new HashChangeEvent("hashchange"));
  };
  return (
    <>
      <div class="filters">
        <label>search <input type="search" value={query.get("q") ?? ""} onInput={(event) => set("q", event.currentTarget.value)} /></label>
        <Choice name={AGENT[suite] ?? "agent"} value={query.get("agent") ?? ""} values={own.map((item) => item.agent)} show={titled} choose={(value) => set("agent", value)} />
        <Choice name="result" value={query.get("kind") ?? ""} values={own.map((item) => item.kind ?? "")} show={(kind) => MARKS[kind as "pass"]?.join(" ") ?? kind} choose={(value) => set("kind", value)} />
        {suite !== "tasks" && <Choice name={suite === "wire" ? "API" : "category"} value={query.get("category") ?? ""} values={own.map((item) => item.category ?? "")} choose={(value) => set("category", value)} />}
        <Choice name="met by" value={query.get("meets") ?? ""} values={own.flatMap((item) => item.meets ?? [""])} show={titled} choose={(value) => set("meets", value)} />
        <Choice name="finding" value={query.get("code") ?? ""} values={own.flatMap((item) => (item.codes.length ? item.codes : [""]))} choose={(value) => set("code", value)} />
        {index.runs.length > 1 && <Choice name="run" value={query.get("run") ?? ""} values={index.runs.map((_, at) => String(at))} show={(at) => index.runs[Number(at)]!.name} choose={(value) => set("run", value)} />}
        <span role="status">{rows.length.toLocaleString("en")} of {own.length.toLocaleString("en")}</span>
      </div>
      <Table rows={rows} columns={columns} label={`${TITLES[suite] ?? suite}, a row an item`} sort={query.get("sort") ?? ""} resort={(value) => set("sort", value)} />
    </>
  );
}

function Choice({ name, value, values, show = (one) => one, choose }: { name: string; value: string; values: string[]; show?: (value: string) => string; choose: (value: string) => void }) {
  const every = [...new Set(values)].sort();
  const several = value.includes(",") && !every.includes(value); // a link may ask for more than can be chosen here
  if (every.length < 2 && !value) return null; // all have the same
  return (
    <label>
      {name}{" "}
      <select value={value} onChange={(event) => choose(event.currentTarget.value)}>
        <option value="">all</option>
        {several && <option value={value}>{value.split(",").map(show).join(" or ")}</option>}
        {every.filter(Boolean).map((one) => <option value={one}>{show(one)}</option>)}
      </select>
    </label>
  );
}

function fits(item: Item, query: URLSearchParams): boolean {
  const wanted = (name: string) => query.get(name) ?? "";
  if (wanted("agent") && item.agent !== wanted("agent")) return false;
  if (wanted("kind") && !wanted("kind").split(",").includes(item.kind ?? "")) return false;
  if (wanted("category") && item.category !== wanted("category")) return false;
  if (wanted("code") && !item.codes.includes(wanted("code"))) return false;
  if (wanted("run") && String(item.run) !== wanted("run")) return false;
  if (wanted("meets") && !item.meets?.includes(wanted("meets"))) return false;
  if (wanted("item") && item.item !== wanted("item")) return false;
  const text = `${item.item} ${item.agent} ${titled(item.agent)} ${item.word} ${item.why} ${item.about} ${item.category ?? ""} ${item.codes.join(" ")}`.toLowerCase();
  return wanted("q").toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

function columnsOf(suite: Suite, index: Index): Column<Item>[] {
  const figure = (id: "turns" | "calls" | "tokens" | "cost" | "seconds" | "first", title: string, digits: number): Column<Item> => ({
    id, title, numeric: true,
    value: (item) => item[id] ?? undefined,
    show: (item) => (item[id] == null ? "–" : item[id]!.toLocaleString("en", { maximumFractionDigits: digits })),
  });
  const again = index.items.some((item) => item.suite === suite && item.attempts.length > 1);
  const priced = index.items.some((item) => item.suite === suite && item.cost != null);
  const columns: Column<Item>[] = [
    { id: "item", title: ITEM[suite] ?? "item", value: (item) => item.item, show: (item) => <a href={at(item.telling)} title={item.about}>{item.item}</a> },
    { id: "agent", title: AGENT[suite] ?? "agent", value: (item) => titled(item.agent) },
    { id: "result", title: "result", value: (item) => ORDER.indexOf(item.kind ?? ""), show: (item) => <Result item={item} /> },
  ];
  if (index.runs.length > 1) columns.push({ id: "run", title: "run", value: (item) => item.run, show: (item) => index.runs[item.run]!.name });
  if (again) columns.push(
    { id: "pass1", title: "pass@1", numeric: true, value: (item) => (item.n ? item.ok / item.n : undefined), show: (item) => <><span title="with the 95 % interval for this very item">{item.share || "–"}</span>{item.notes && <> <span class="why soft" title={item.notes}>{item.notes}</span></>}</> },
    { id: "powk", title: "pass^k", numeric: true, value: (item) => item.power ?? undefined, show: (item) => (item.power === null ? "–" : <span title={`all of ${item.n} attempts`}>{percent(item.power)}</span>) },
  );
  const scored = index.items.some((item) => item.suite === suite && item.turns != null);
  if (scored) columns.push(figure("turns", "turns", 1), figure("calls", "calls", 1), figure("tokens", "tokens", 0));
  if (priced) columns.push(figure("cost", "US$", 4));
  columns.push(figure("seconds", "seconds", 2));
  if (suite === "tasks") columns.push(figure("first", "first token, s", 3));
  if (suite === "tools") columns.push({ id: "category", title: "category", value: (item) => item.category ?? "" });
  columns.push(
    { id: "why", title: suite === "tasks" ? "cause" : suite === "tools" ? "misses" : "detail", value: (item) => item.why || undefined, show: (item) => <span class="why" title={item.about}>{item.why || "–"}</span> },
    { id: "codes", title: "findings", value: (item) => item.codes.join(" ") || undefined, show: (item) => <Codes run={item.run} codes={item.codes} /> },
  );
  return columns;
}

const ORDER: string[] = ["fail", "flaky", "without", "error", "na", "pass"];

function Result({ item }: { item: Item }): ComponentChildren {
  const [mark, word] = item.kind ? MARKS[item.kind] : ["", ""];
  const attempts = item.attempts.length > 1 && item.attempts.length <= 10 && item.attempts.map((attempt, number) => (
    <a href={at(attempt.id)} title={attempt.word} aria-label={`attempt ${number + 1}: ${attempt.word}`}>{number + 1}</a>
  ));
  return <span class={`mark ${item.kind ?? ""}`}><span aria-hidden="true">{mark} </span><span class="unseen">{word} </span>{item.word}{attempts && <span class="attempts"> {attempts}</span>}</span>;
}

function Codes({ run, codes }: { run: number; codes: string[] }) {
  return <>{codes.slice(0, 4).map((code) => <><a href={finding(run, code)}>{code}</a> </>)}{codes.length > 4 && `+${codes.length - 4}`}{!codes.length && "–"}</>;
}

function percent(value: number): string {
  return `${Math.round(value * 100)} %`;
}
