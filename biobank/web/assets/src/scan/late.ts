/** The station without a network: what it shows of scans that wait, from the maps of boxes that were open before. */

import { grouped } from "../dom";
import type { KnownBox } from "./keeper";
import type { Shown } from "./panel";
import type { Entry } from "./queue";
import { pathList } from "./render";
import { canonical } from "./text";
import type { BoxView, Cell } from "./types";

/** Modes that tell something instead of noting it: they need an answer at once. */
const ASKING = new Set(["find", "aliquot", "discard", "print"]);

export function needsServer(mode: string): boolean {
  return ASKING.has(mode);
}

/** The map of a box with the tubes that wait to be stored in it: `put` are their codes by position. */
export function withWaiting(box: BoxView, put: ReadonlyMap<string, string>, next: string | null): BoxView {
  const last = [...put.keys()].at(-1);
  const cells = box.cells.map((cell): Cell => {
    const text = put.get(cell.label);
    if (text !== undefined) return { ...cell, state: cell.label === last ? "just" : "full", code: text, text: "…", href: null };
    if (cell.state === "just") return { ...cell, state: "full" };
    if (cell.label === next) return { ...cell, state: "next" };
    return cell.state === "next" ? { ...cell, state: "free" } : cell;
  });
  return { ...box, cells, occupied: cells.filter((cell) => !["free", "next", "reserved"].includes(cell.state)).length };
}

/** What is known of a code without the server: from the maps of boxes that were open at this computer. */
export function lookedUp(text: string, boxes: ReadonlyMap<string, KnownBox>, clock: Intl.DateTimeFormat): Shown {
  const code = canonical(text);
  for (const known of boxes.values()) {
    const cell = known.box.cells.find((one) => one.code === code);
    if (!cell) continue;
    return {
      verdict: "info",
      word: "Seen before",
      code,
      title: `It stood in ${cell.label} of ${grouped(known.box.name)} at ${clock.format(new Date(known.at))}.`,
      message: "Offline: somebody may have moved it since.",
      where: pathList(known.box.path ?? [], cell.label),
    };
  }
  return {
    verdict: "warning",
    word: "Offline",
    code,
    title: "It is in no box that was open at this computer.",
    message: "Look it up when the network is back. Storing, moving and checking out go on.",
  };
}

export function waits(entry: Entry, boxName: string): Shown {
  const position = entry.body?.["position"];
  const place = typeof position === "string" ? `Goes into ${position} of ${grouped(boxName)}.` : "Kept at this computer.";
  return {
    verdict: "info",
    word: typeof position === "string" ? `Into ${position}` : "Kept",
    code: entry.text,
    title: place,
    message: "Offline: it is sent when the network is back.",
  };
}
