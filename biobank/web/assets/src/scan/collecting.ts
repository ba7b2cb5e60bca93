/** A box that is re-mapped: its tubes are collected in the order in which they stand now, and sent together. */

import { grouped } from "../dom";
import type { Flow } from "./flow";
import { canonical, kindOf } from "./text";

const EMPTY = "-";

export class Collecting {
  constructor(private readonly flow: Flow) {}

  private get on(): boolean {
    return this.flow.hand.mode === "remap" && this.flow.hand.box !== null;
  }

  /** Whether a code is one of the box's tubes, and not the next box. */
  takes(text: string): boolean {
    return this.on && kindOf(text) !== "B";
  }

  add(text: string): void {
    const code = text === EMPTY ? EMPTY : canonical(text);
    const before = code === EMPTY ? -1 : this.flow.collected.indexOf(code);
    if (before >= 0) return this.say("duplicate", "Scanned already", code, `It is number ${before + 1} of this box.`);
    this.flow.collected.push(code);
    void this.flow.write(null);
    const count = this.flow.collected.length;
    this.say("ok", `Number ${count}`, code === EMPTY ? null : code, code === EMPTY ? "This position is empty." : "Scan the next one; NEXT for an empty position; CONFIRM at the end.");
  }

  /** NEXT: the position is empty. */
  skip(): boolean {
    if (this.on) this.add(EMPTY);
    return this.on;
  }

  back(): boolean {
    const last = this.on ? this.flow.collected.pop() : undefined;
    if (last === undefined) return false;
    void this.flow.write(null);
    this.say("ok", "Taken back", last === EMPTY ? null : last, `${this.flow.collected.length} are scanned.`);
    return true;
  }

  /** CONFIRM: a look at what the new order changes. */
  send(): boolean {
    const { box } = this.flow.hand;
    if (!this.on || !box || !this.flow.collected.length || this.flow.question) return false;
    const entry = this.flow.entry("scan", box, { ...this.flow.body(box), codes: [...this.flow.collected] });
    this.flow.log.add(entry.key, `Re-map ${grouped(box)}`);
    this.flow.push(entry);
    return true;
  }

  private say(verdict: "ok" | "duplicate", word: string, code: string | null, title: string): void {
    this.flow.say({ verdict, word, code, title }, verdict);
  }
}
