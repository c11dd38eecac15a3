// A table of any length: sorted by the library, rows rendered as they come into view.
import { createSortedRowModel, rowSortingFeature, sortFns, tableFeatures, useTable, type ColumnDef } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

const features = tableFeatures({ rowSortingFeature, sortedRowModel: createSortedRowModel(), sortFns });
/** Of a row, in px, as page.css has it too; rows of another height disturb scrolling by keys. */
const HEIGHT = 37;
const PRINTED = 500;

export interface Column<R> {
  id: string;
  title: string;
  /** What it is sorted by; rows without a value stand last. */
  value: (row: R) => string | number | undefined;
  show?: (row: R) => ComponentChildren;
  numeric?: boolean;
}

/** `sort` is a column's id, behind a minus for the other way round; "" keeps the order of the rows. */
export function Table<R extends object>({ rows, columns, label, sort, resort }: { rows: R[]; columns: Column<R>[]; label: string; sort: string; resort: (sort: string) => void }) {
  const defs: ColumnDef<typeof features, R, unknown>[] = columns.map((column) => ({
    id: column.id,
    accessorFn: column.value,
    sortUndefined: "last",
    sortDescFirst: false,
  }));
  const id = sort.replace(/^-/, "");
  const order = !sort ? "none" : sort === id ? "ascending" : "descending";
  const sorting = columns.some((column) => column.id === id) ? [{ id, desc: sort !== id }] : [];
  const table = useTable({ features, columns: defs, data: rows, state: { sorting } });
  const sorted = table.getRowModel().rows;
  const frame = useRef<HTMLDivElement>(null);
  const end = useRef<HTMLSpanElement>(null);
  const printing = usePrinting();
  const virtual = useVirtualizer({
    count: sorted.length,
    getScrollElement: () => frame.current,
    estimateSize: () => HEIGHT,
    overscan: 12,
  });
  const seen = printing
    ? sorted.slice(0, PRINTED).map((_, index) => ({ index, start: 0, end: 0 }))
    : virtual.getVirtualItems();
  const above = seen[0]?.start ?? 0;
  const below = printing ? 0 : virtual.getTotalSize() - (seen.at(-1)?.end ?? 0);
  return (
    <>
      <button type="button" class="unseen" onClick={() => end.current?.focus()}>past the table</button>
      <div class="frame" ref={frame} tabIndex={0} role="group" aria-label={label}>
        <table aria-rowcount={sorted.length + 1}>
          <thead>
            <tr aria-rowindex={1}>
              {columns.map((column) => {
                const own = column.id === id ? order : "none";
                return (
                  <th scope="col" aria-sort={own} class={column.numeric ? "number" : ""}>
                    <button type="button" onClick={() => resort({ none: column.id, ascending: `-${column.id}`, descending: "" }[own])}>
                      {column.title}<span aria-hidden="true">{{ none: "", ascending: " ↑", descending: " ↓" }[own]}</span>
                    </button>
                  </th>
                );
              })}
            </tr>
          </thead>
          <tbody>
            <Space height={above} wide={columns.length} />
            {seen.map(({ index }) => {
              const row = sorted[index]!;
              return (
                <tr key={row.id} aria-rowindex={index + 2} data-index={index} ref={printing ? undefined : (node) => virtual.measureElement(node)}>
                  {columns.map((column) => (
                    <td class={column.numeric ? "number" : ""}>{column.show ? column.show(row.original) : (column.value(row.original) ?? "–")}</td>
                  ))}
                </tr>
              );
            })}
            <Space height={below} wide={columns.length} />
          </tbody>
        </table>
        {printing && sorted.length > PRINTED && <p>{(sorted.length - PRINTED).toLocaleString("en")} more rows on the screen</p>}
      </div>
      <span ref={end} tabIndex={-1} />
    </>
  );
}

function Space({ height, wide }: { height: number; wide: number }) {
  return height > 0 ? <tr aria-hidden="true"><td colSpan={wide} style={{ height: `${height}px`, padding: 0, border: 0 }} /></tr> : null;
}

function usePrinting(): boolean {
  const [printing, set] = useState(false);
  useEffect(() => {
    const media = matchMedia("print");
    const changed = () => set(media.matches);
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, []);
  return printing;
}
