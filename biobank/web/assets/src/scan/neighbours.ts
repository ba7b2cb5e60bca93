/** Others at the box at hand: what they change in it shows within two seconds, and their names stand beside it. */

import { watchPlace } from "../live";
import type { Display } from "./display";
import type { AtHand } from "./hands";
import type { KnownBox } from "./keeper";
import type { BoxView } from "./types";

/** What of the station a change by others touches. */
interface Bench {
  hand: AtHand;
  readonly boxes: ReadonlyMap<string, KnownBox>;
  readonly display: Display;
  readonly deferred: boolean;
  readonly training: boolean;
  readonly queue: { readonly size: number };
  showHand(): void;
}

/** An answer of this station brings the whole box along; what it says need not be asked for again. */
const KNOWN_FOR = 1500;

export class Neighbours {
  private code: string | null = null;
  private stop: (() => void) | null = null;
  private timer = 0;
  private known = 0;

  constructor(
    private readonly words: HTMLElement,
    private readonly bench: Bench,
  ) {}

  /** Watch this box from now on, or none. */
  follow(code: string | null): void {
    if (code === this.code) return;
    this.stop?.();
    this.forget();
    this.code = code;
    this.words.textContent = "";
    this.stop = code ? watchPlace(code, { changed: () => this.soon(code), people: (names) => this.name(names), heard: () => undefined }) : null;
  }

  /** An answer of the server showed the box as it is. */
  shown(): void {
    this.known = Date.now();
    this.forget();
  }

  private soon(code: string): void {
    if (this.timer) return;
    const wait = Math.max(0, this.known + KNOWN_FOR - Date.now());
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      void this.look(code);
    }, wait);
  }

  private async look(code: string): Promise<void> {
    try {
      const response = await fetch(`/api/v1/containers/${encodeURIComponent(code)}/box`, { headers: { accept: "application/json" } });
      if (response.ok && this.code === code) this.changed((await response.json()) as BoxView);
    } catch {
      // the network is gone: the stream opens again when it is back, and then the box is looked at
    }
  }

  /** Somebody else put tubes into the box at hand, or took some out. */
  private changed(box: BoxView): void {
    const { bench } = this;
    if (bench.deferred || bench.queue.size || bench.training || box.code !== bench.hand.box) return;
    bench.hand = { ...bench.hand, free: freeNow(box, bench.hand.free) };
    bench.display.box(withLast(box, bench.boxes.get(box.code)?.box));
    bench.showHand();
  }

  private name(names: string[]): void {
    this.words.textContent = names.length ? `Also at this box: ${names.join(", ")}` : "";
  }

  private forget(): void {
    window.clearTimeout(this.timer);
    this.timer = 0;
  }
}

/** Free positions in the order of filling: the next one as the server has it, then those known before that are free still. */
function freeNow(box: BoxView, before: readonly string[] | null): string[] {
  const free = new Set(box.cells.filter((cell) => ["free", "next"].includes(cell.state)).map((cell) => cell.label));
  const next = box.cells.filter((cell) => cell.state === "next").map((cell) => cell.label);
  return [...next, ...(before ?? []).filter((label) => free.has(label) && !next.includes(label))];
}

/** The box with the last tube of this station marked, as the map before had it. */
function withLast(box: BoxView, before: BoxView | undefined): BoxView {
  const just = before?.cells.find((cell) => cell.state === "just")?.code;
  return { ...box, cells: box.cells.map((cell) => (cell.code === just && cell.state === "full" ? { ...cell, state: "just" as const } : cell)) };
}
