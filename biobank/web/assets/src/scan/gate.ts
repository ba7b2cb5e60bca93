/** A station starts with its self-test, once a day at each computer; a person without a scanner starts it with one key. */

import { post } from "./client";
import { newKey } from "./focus";
import { show } from "./panel";
import { diagnose } from "./selftest";
import { keepSettings, settings, today } from "./settings";
import { play } from "./sound";

/** A code of a tube or a box is shorter by far than the symbol. */
const SYMBOL_LEAST = 20;

export class Gate {
  private forced = false;

  constructor(
    private readonly panel: HTMLElement,
    private readonly symbol: HTMLElement,
    private readonly expected: string,
    private readonly started: () => void,
  ) {}

  get isOpen(): boolean {
    return !this.forced && settings().tested?.day === today();
  }

  get way(): "scanner" | "hand" | null {
    return this.isOpen ? (settings().tested?.way ?? null) : null;
  }

  /** Ask for the self-test, also where the station was found fit today. */
  ask(): void {
    this.forced = true;
    this.symbol.hidden = false;
    show(this.panel, {
      verdict: "info",
      word: "Self-test",
      title: "Scan the symbol with the whole alphabet, here or on the sheet of command codes.",
      message: "No scanner at this bench? Press Enter to start by hand.",
      actions: [{ label: "Start by hand", primary: false, run: () => this.open("hand") }],
    });
  }

  /** What came while the station is not open; `raw` is empty when Enter alone was pressed. */
  take(raw: string): void {
    if (!raw.trim()) return this.open("hand");
    const found = diagnose(this.expected, raw, settings());
    if (found.passed) return this.open("scanner");
    const normal = raw.trim().length < SYMBOL_LEAST;
    const { added } = found;
    show(this.panel, {
      verdict: "stop",
      word: normal ? "Self-test first" : "Self-test failed",
      title: normal ? "Nothing is taken before the symbol was scanned right." : found.title,
      message: normal ? "Scan the symbol with the whole alphabet, or press Enter to start by hand." : found.message,
      actions: [
        ...(added ? [{ label: "Take them off", primary: true, run: () => this.takeOff(added) }] : []),
        { label: "Start by hand", primary: false, run: () => this.open("hand") },
      ],
    });
    play("stop");
  }

  private takeOff(added: { prefix: string; suffix: string }): void {
    keepSettings(added);
    this.open("scanner");
  }

  private open(way: "scanner" | "hand"): void {
    this.forced = false;
    this.symbol.hidden = true;
    keepSettings({ tested: { day: today(), way } });
    const byHand = way === "hand";
    show(this.panel, {
      verdict: byHand ? "warning" : "ok",
      word: byHand ? "Typed by hand" : "Scanner tested",
      title: byHand ? "The scanner was not tested: type with care." : "Every character arrives as it is printed.",
      message: "Scan a tube, a box, or a command.",
    });
    play(byHand ? "warning" : "ok");
    // Noted where the server is there; a station that starts offline is used all the same.
    post("/api/v1/station/started", { key: newKey(), kind: "mode", text: "", body: { way } }).catch(() => undefined);
    this.started();
  }
}
