/** What the page shows beside the verdict: the box, what is at hand, the connection, and the mode. */

import { grouped, need } from "../dom";
import { FILLING, type AtHand } from "./hands";
import { boxTable, boxWords, stateWord } from "./render";
import { askReason } from "./said";
import { settings } from "./settings";
import type { BoxView, Context, Words } from "./types";

export interface Connection {
  size: number;
  offline: boolean;
  held: boolean;
  /** Scans outlive the tab. */
  lasting: boolean;
}

const ONE = 1;

export class Display {
  boxName: string;

  constructor(
    private readonly root: HTMLElement,
    private readonly panel: HTMLElement,
    private readonly words: Words,
  ) {
    this.boxName = this.slot("box-name").textContent ?? "";
  }

  box(box: BoxView): void {
    this.boxName = box.name;
    need("#box").hidden = false;
    this.slot("box-name").textContent = grouped(box.name);
    this.slot("box-words").replaceChildren(boxWords(box, this.words));
    this.slot("box-table").replaceChildren(boxTable(box, this.words));
  }

  noBox(): void {
    need("#box").hidden = true;
    this.boxName = "";
  }

  hand(hand: AtHand, context: Context | null): void {
    this.root.dataset["mode"] = hand.mode;
    let needs = "";
    for (const button of this.root.querySelectorAll<HTMLElement>("[data-mode-key]")) {
      const pressed = button.dataset["modeKey"] === hand.mode;
      button.setAttribute("aria-pressed", String(pressed));
      if (pressed) needs = button.dataset["needs"] ?? "";
    }
    this.slot("context-box").textContent = hand.box ? grouped(hand.box) : "scan a box";
    this.slot("context-next").textContent = hand.box ? (hand.free?.[0] ?? (hand.free ? "full" : "–")) : "–";
    need("[data-row=box]", this.root).hidden = !hand.box && !FILLING.has(hand.mode) && hand.mode !== "remap";
    need("[data-row=next]", this.root).hidden = !FILLING.has(hand.mode);
    const words = context?.words ?? (hand.context ? grouped(hand.context) : needs);
    this.slot("context").textContent = words;
    need("[data-row=context]", this.root).hidden = !words;
    askReason(hand.mode);
    need("#key-pad").hidden = hand.mode !== "quantity";
  }

  scanner(way: "scanner" | "hand" | null): void {
    const kinds = { scanner: ["ok", "tested today"], hand: ["warning", "typed by hand, not tested"] } as const;
    const [kind, word] = way ? kinds[way] : (["stop", "not tested"] as const);
    const words = settings().prefix || settings().suffix ? `${word}; its prefix is taken off` : word;
    this.slot("scanner").replaceChildren(stateWord(kind, words));
  }

  training(on: boolean): void {
    need("#training").hidden = !on;
    document.body.classList.toggle("is-training", on);
  }

  connection({ size, offline, held, lasting }: Connection): void {
    const scans = `${size} ${size === ONE ? "scan" : "scans"}`;
    const banner = need("#offline");
    banner.hidden = !offline;
    const line = offline ? `OFFLINE, ${scans} queued${lasting ? "" : ": do not close this page"}` : "";
    if (banner.textContent !== line) banner.textContent = line;
    const words = `${offline ? "Offline" : "Online"} · ${size} queued`;
    this.slot("connection").replaceChildren(stateWord(offline ? "warning" : "ok", words));
    const waiting = this.panel.querySelector("[data-slot=held]");
    if (waiting) waiting.textContent = held && size ? `${scans} ${size === ONE ? "waits" : "wait"}` : "";
  }

  private slot(name: string): HTMLElement {
    return need(`[data-slot="${name}"]`, this.root);
  }
}
