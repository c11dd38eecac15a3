// One search over everything on the page: its parts, root causes, trials, cases and probes. Ctrl-K, or /.
import { useEffect, useRef, useState } from "preact/hooks";
import { titled, type Index } from "./data";
import { at } from "./route";

interface Entry { kind: string; title: string; text: string; to: string }

const MOST = 12;

/** All that can be gone to, in the order in which it is offered. */
function entries(index: Index): Entry[] {
  const parts = [...document.querySelectorAll<HTMLElement>("main > section[id] > h2")].map((heading) => {
    const title = heading.textContent!.trim();
    return { kind: "part", title, text: title, to: `#${heading.parentElement!.id}` };
  });
  const causes = [...document.querySelectorAll<HTMLElement>(".finding")].map((one) => {
    const title = one.querySelector(":scope > summary > .name")!.textContent!;
    return { kind: "root cause", title, text: one.textContent!, to: `#${one.id}` };
  });
  const items = index.items.map((item) => {
    const title = `${item.item} · ${titled(item.agent)}: ${item.word}`;
    return { kind: item.suite, title, text: [title, item.agent, item.about, item.why, item.category, ...item.codes].join(" "), to: at(item.telling) };
  });
  return [...parts, ...causes, ...items].map((one) => ({ ...one, text: `${one.kind} ${one.text}`.toLowerCase() }));
}

export function Palette({ index }: { index: Index }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const every = useRef<Entry[]>([]);
  const [words, say] = useState("");
  const [chosen, choose] = useState(0);
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = every.current.filter((one) => wanted.every((word) => one.text.includes(word)));
  const shown = fits.slice(0, MOST);

  const open = () => {
    every.current = entries(index);
    say("");
    choose(0);
    dialog.current?.showModal();
  };
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const typing = (event.target as Element).matches("input, select, textarea");
      if (!((event.key === "k" && (event.ctrlKey || event.metaKey)) || (event.key === "/" && !typing && !event.ctrlKey))) return;
      event.preventDefault();
      if (!dialog.current?.open) open();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);

  const go = (entry: Entry | undefined) => {
    if (!entry) return;
    dialog.current?.close();
    if (location.hash === entry.to) history.replaceState(null, "", " "); // so that it is gone to again
    location.hash = entry.to;
  };
  const pressed = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) choose((old) => Math.min(Math.max(old + step, 0), shown.length - 1));
    else if (event.key === "Enter") go(shown[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <>
      <button type="button" onClick={open}>search <kbd>Ctrl K</kbd></button>
      <dialog ref={dialog} class="palette" aria-label="search everything" onClick={(event) => event.target === dialog.current && dialog.current?.close()}>
        <input
          type="search" role="combobox" list={undefined} aria-expanded="true" aria-controls="palette-list" aria-label="search everything"
          aria-activedescendant={shown.length ? `palette-${chosen}` : undefined} placeholder="root causes, agents, tasks, cases, probes"
          value={words} onInput={(event) => { say(event.currentTarget.value); choose(0); }} onKeyDown={pressed}
        />
        <ul id="palette-list" role="listbox" aria-label="found">
          {shown.map((one, number) => (
            <li id={`palette-${number}`} role="option" aria-selected={number === chosen} onClick={() => go(one)}>
              <span class="soft">{one.kind}</span> {one.title}
            </li>
          ))}
        </ul>
        <p class="soft" role="status">{fits.length > MOST ? `${(fits.length - MOST).toLocaleString("en")} more` : shown.length ? "" : "nothing fits"}</p>
      </dialog>
    </>
  );
}
