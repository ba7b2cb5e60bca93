/** The running list of scans at this station, newest first, each with its own Undo where there is one. */

import { el, grouped } from "../dom";
import { stateWord } from "./render";
import type { Verdict } from "./types";

const KEPT = 300;

export interface Line {
  verdict: Verdict;
  word: string;
  code: string | null;
  detail: string;
  undo: string | null;
}

export class ScanLog {
  private readonly items = new Map<string, HTMLLIElement>();
  /** What can be undone, oldest first: the token and the code it undoes. */
  private undoable: { token: string; code: string; item: HTMLLIElement }[] = [];
  private readonly clock: Intl.DateTimeFormat;

  constructor(
    private readonly list: HTMLElement,
    private readonly onUndo: (token: string, code: string) => void,
    timeZone: string,
  ) {
    this.clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", ...(timeZone ? { timeZone } : {}) });
  }

  /** Echo a scan at once, before the server knows of it. */
  add(key: string, code: string): void {
    const now = new Date();
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

  settle(key: string, line: Line): void {
    const item = this.items.get(key);
    if (!item) return;
    this.items.delete(key);
    item.className = `is-${line.verdict}`;
    item.querySelector(".state")?.replaceWith(stateWord(line.verdict, line.word));
    const code = line.code ?? item.querySelector(".code")?.textContent ?? "";
    item.querySelector(".code")!.textContent = grouped(code);
    item.querySelector(".log-detail")!.textContent = line.detail;
    if (line.undo) this.offerUndo(item, line.undo, grouped(code));
  }

  /** The last thing that can be undone; taken from the list when its undo is answered. */
  lastUndoable(): { token: string; code: string } | null {
    return this.undoable.at(-1) ?? null;
  }

  markUndone(token: string): void {
    for (const { item } of this.undoable.filter((entry) => entry.token === token)) {
      const word = item.querySelector(".state");
      item.className = "is-muted";
      word?.replaceWith(stateWord("muted", "Undone"));
      item.querySelector("button")?.remove();
    }
    this.undoable = this.undoable.filter((entry) => entry.token !== token);
  }

  private offerUndo(item: HTMLLIElement, token: string, code: string): void {
    const button = el("button", { type: "button", class: "small", "aria-label": `Undo ${code}` }, "Undo");
    button.addEventListener("click", () => this.onUndo(token, code));
    item.append(button);
    this.undoable.push({ token, code, item });
  }
}
