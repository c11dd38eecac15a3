// What moves on the page. All that a reader must know stands in it without this script.
import { render } from "preact";
import { Causes, Differences, Over, Spreads } from "./charts";
import { arrange, bytes, unpack, type Index } from "./data";
import { Explorer } from "./explorer";
import { Palette } from "./palette";
import { plain } from "./route";
import { Pair, reveal, show } from "./text";

async function start(): Promise<void> {
  const index = await unpack<Index>("index");
  if (!index) return;
  reveal(index.hidden);
  arrange(index);
  const explorer = document.getElementById("explorer");
  if (explorer) {
    explorer.replaceChildren(); // what is said there to those without a script
    render(<Explorer index={index} />, explorer);
  }
  const search = document.getElementById("search");
  if (search) render(<Palette index={index} />, search);
  for (const place of document.querySelectorAll<HTMLElement>("[data-chart]")) draw(place, index);
  for (const pair of document.querySelectorAll<HTMLElement>(".pair[data-diff]")) compare(pair);
  document.documentElement.dataset.ready = "true";
}

function draw(place: HTMLElement, index: Index): void {
  const [kind = "", number = "0"] = place.dataset.chart!.split(" ");
  const at = Number(number);
  if (kind === "spread") render(<Spreads measure={index.measures[at]!} points={index.points} />, place);
  if (kind === "causes") render(<Causes causes={index.causes} />, place);
  if (kind === "past") render(<Over past={index.past[at]!} />, place);
  if (kind === "rates" || kind === "ratios") {
    const ratio = kind === "ratios";
    const rows = index.differences.filter((row) => row.of === at && row.ratio === ratio);
    if (rows.length) render(<Differences rows={rows} ratio={ratio} />, place);
  }
}

function compare(pair: HTMLElement): void {
  const [wanted, given] = [...pair.querySelectorAll("pre")].map((one) => one.textContent ?? "");
  pair.replaceChildren();
  render(<Pair wanted={wanted ?? ""} given={given ?? ""} />, pair);
}

document.addEventListener("click", async (event) => {
  const button = (event.target as Element).closest<HTMLButtonElement>("button");
  if (button?.dataset.copy !== undefined) await copy(button, button.dataset.copy);
  if (button?.dataset.link) await copy(button, location.href.split("#", 1)[0] + button.dataset.link);
  if (button?.dataset.file) save(button.dataset.file, button.dataset.name ?? "evidence.zip");
});

async function copy(button: HTMLButtonElement, text: string): Promise<void> {
  const said = (button.dataset.said ??= button.textContent ?? ""); // a second click comes before the first is over
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "copied";
  } catch {
    button.textContent = "select it and copy by hand";
  }
  setTimeout(() => (button.textContent = said), 1_500);
}

function save(block: string, name: string): void {
  const data = bytes(block);
  if (!data) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([data], { type: "application/zip" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** On a phone the parts below the verdict are folded to their headings, each a button; a link to within unfolds it. */
function fold(): void {
  if (!matchMedia("(max-width: 40rem)").matches) return;
  for (const part of document.querySelectorAll<HTMLElement>("main > section:not(.verdict)")) {
    const heading = part.querySelector(":scope > h2");
    if (!heading) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.onclick = () => toggle(part, part.classList.contains("folded"));
    heading.append(button);
    toggle(part, false);
  }
}

function toggle(part: Element, open: boolean): void {
  part.classList.toggle("folded", !open);
  part.querySelector(":scope > h2 > button")?.setAttribute("aria-expanded", String(open));
}

let left = 0; // where the reader was when a trial was opened

/** A trial stands alone while it is open; a finding that the fragment names is opened. */
function reached(): void {
  const root = document.documentElement;
  const alone = location.hash.startsWith("#/at/");
  const back = !alone && root.hasAttribute("data-alone");
  root.toggleAttribute("data-alone", alone);
  const found = document.getElementById(plain(location.hash.slice(1)));
  for (let fold = found?.closest("details"); fold; fold = fold.parentElement?.closest("details")) fold.open = true;
  const part = location.hash.startsWith("#/") ? document.getElementById("results") : found?.closest("main > section");
  if (part?.classList.contains("folded")) {
    toggle(part, true);
    found?.scrollIntoView();
  }
  if (back && found) found.scrollIntoView(); // it could not be gone to as long as it was hidden
  else if (back && !location.hash.startsWith("#/")) scrollTo(0, left);
}

function moved(): void {
  if (!document.documentElement.hasAttribute("data-alone")) left = scrollY;
}

/** Within what was just unfolded, the offending bytes come into view. */
function unfolded(within: Element | Document): void {
  within.querySelectorAll<HTMLElement>("pre mark").forEach(show);
}

/** Findings: those with these words, of this severity. */
function sift(): void {
  const words = document.querySelector<HTMLInputElement>("#sift")?.value.toLowerCase().split(/\s+/) ?? [];
  const severity = document.querySelector<HTMLSelectElement>("#severity")?.value ?? "";
  let shown = 0;
  for (const one of document.querySelectorAll<HTMLElement>(".finding")) {
    const text = one.textContent!.toLowerCase();
    one.hidden = (severity !== "" && one.dataset.severity !== severity) || !words.every((word) => text.includes(word));
    shown += Number(!one.hidden);
  }
  document.querySelector("#sifted")!.textContent = shown ? "" : "no finding fits";
}

addEventListener("hashchange", reached);
addEventListener("scroll", moved, { passive: true });
document.addEventListener("input", (event) => (event.target as Element).closest(".sift") && sift());
document.addEventListener("toggle", (event) => event.target instanceof HTMLDetailsElement && event.target.matches(".finding") && unfolded(event.target), true);
fold();
unfolded(document);
reached();
void start();
