/** The running list of scans at this station, newest first, each with its own Undo where there is one. */

import { el, grouped } from "../dom";
import { stateWord } from "./render";
import type { Verdict } from "./types";

const KEPT = 300;
const KEPT_LONGER = 100;

export interface Line {
  verdict: Verdict;
  word: string;
  code: string | null;
  detail: string;
  undo: string | null;
  /** The box that the deed concerns, and whether it cannot be taken back here. */
  box?: string | null;
  final?: boolean;
}

/** A line that outlives the tab. */
export interface KeptLine extends Line {
  at: number;
}

export class ScanLog {
  private readonly items = new Map<string, HTMLLIElement>();
  /** What can be undone, oldest first: the token and the code it undoes. */
  private undoable: { token: string; code: string; box: string | null; item: HTMLLIElement }[] = [];
  private settled: KeptLine[] = [];
  /** The last deed cannot be taken back here, so that Undo must not reach one before it. */
  private blocked = false;
  private readonly clock: Intl.DateTimeFormat;

  constructor(
    private readonly list: HTMLElement,
    private readonly onUndo: (token: string, code: string) => void,
    timeZone: string,
  ) {
    this.clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", ...(timeZone ? { timeZone } : {}) });
  }

  /** Echo a scan at once, before the server knows of it. */
  add(key: string, code: string, at = Date.now()): void {
    const now = new Date(at);
    const item = el(
      "li",
      { class: "is-pending" },
      stateWord("pending", "Waiting"),
      el("span", { class: "code" }, grouped(code)),
      el("span", { class: "log-detail" }),
      el("time", { datetime: now.toISOString() }, this.clock.format(now)),
    );
    this.items.set(key, item);
    this.list.prepend(item);
    while (this.list.children.length > KEPT) this.list.lastElementChild?.remove();
  }

  /** Say more of a line that still waits. */
  note(key: string, detail: string): void {
    const slot = this.items.get(key)?.querySelector(".log-detail");
    if (slot) slot.textContent = detail;
  }

  /** A scan that was taken back before it was sent. */
  remove(key: string): void {
    this.items.get(key)?.remove();
    this.items.delete(key);
  }

  /** The last lines, to be shown again by the tab's next life. */
  get lines(): KeptLine[] {
    return this.settled;
  }

  restore(lines: KeptLine[]): void {
    for (const line of lines) {
      const key = `kept-${line.at}-${Math.random()}`;
      this.add(key, line.code ?? "", line.at);
      this.settle(key, line, line.at);
    }
  }

  settle(key: string, line: Line, at = Date.now()): void {
    const item = this.items.get(key);
    if (!item) return;
    this.items.delete(key);
    this.settled = [...this.settled, { ...line, at }].slice(-KEPT_LONGER);
    if (line.undo) this.blocked = false;
    else if (line.final) this.blocked = true;
    item.className = `is-${line.verdict}`;
    item.querySelector(".state")?.replaceWith(stateWord(line.verdict, line.word));
    const code = line.code ?? item.querySelector(".code")?.textContent ?? "";
    item.querySelector(".code")!.textContent = grouped(code);
    item.querySelector(".log-detail")!.textContent = line.detail;
    if (line.undo) this.offerUndo(item, line.undo, grouped(code), line.box ?? null);
  }

  /** The last thing that can be undone; taken from the list when its undo is answered. */
  lastUndoable(): { token: string; code: string } | null {
    return this.blocked ? null : (this.undoable.at(-1) ?? null);
  }

  get lastIsFinal(): boolean {
    return this.blocked;
  }

  /** The deeds that concern a box and can be taken back, the oldest first. */
  undoableOf(box: string): string[] {
    return this.undoable.filter((one) => one.box === box).map((one) => one.token);
  }

  markUndone(token: string): void {
    for (const { item } of this.undoable.filter((entry) => entry.token === token)) {
      const word = item.querySelector(".state");
      item.className = "is-muted";
      word?.replaceWith(stateWord("muted", "Undone"));
      item.querySelector("button")?.remove();
    }
    this.undoable = this.undoable.filter((entry) => entry.token !== token);
    this.settled = this.settled.map((line) => (line.undo === token ? { ...line, word: "Undone", undo: null } : line));
  }

  private offerUndo(item: HTMLLIElement, token: string, code: string, box: string | null): void {
    const button = el("button", { type: "button", class: "small", "aria-label": `Undo ${code}` }, "Undo");
    button.addEventListener("click", () => this.onUndo(token, code));
    item.append(button);
    this.undoable.push({ token, code, box, item });
  }
}
