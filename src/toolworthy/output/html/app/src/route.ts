// Deep links. A fragment that begins with a slash is a place in the explorer:
//   #/tasks?agent=codex&kind=fail&q=merge     a table, filtered
//   #/at/0/tasks/fix-failing-test/codex#1?step=3&with=…   a trial, one step of it, another beside it
import { useEffect, useState } from "preact/hooks";
import type { Suite } from "./data";

export interface Place { suite: Suite | null; at: string | null; query: URLSearchParams }

export function read(fragment: string): Place | null {
  const text = fragment.replace(/^#/, "");
  if (!text.startsWith("/")) return null;
  const [path = "", query = ""] = text.slice(1).split("?", 2);
  const parts = path.split("/");
  if (parts[0] === "at") {
    const at = parts.slice(1).map(plain).join("/");
    return { suite: parts[2] ?? null, at, query: new URLSearchParams(query) };
  }
  return { suite: parts[0] || null, at: null, query: new URLSearchParams(query) };
}

/** Part of an address as it was; what is no percent-encoding stays. */
export function plain(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function table(suite: Suite, query: Record<string, string> = {}): string {
  return `#/${suite}${search(query)}`;
}

export function at(id: string, query: Record<string, string> = {}): string {
  return `#/at/${id.split("/").map(encodeURIComponent).join("/")}${search(query)}`;
}

/** A finding of the run with this number, further up on the page. */
export function finding(run: number, code: string): string {
  return `#finding-${run ? `${run}-` : ""}${code}`;
}

function search(query: Record<string, string>): string {
  const filled = Object.entries(query).filter(([, value]) => value !== "");
  return filled.length ? `?${new URLSearchParams(filled)}` : "";
}

/** Where the address bar is; null where it is no place in the explorer. */
export function usePlace(): Place | null {
  const [place, move] = useState(() => read(location.hash));
  useEffect(() => {
    const moved = () => move((old) => read(location.hash) ?? old);
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return place;
}
