/**
 * What the hands do while no answer comes: which box is at hand, and which position the next tube goes into. A scan that waits is
 * sent with what was so when it was made, so that the server puts the tube where it stands, or says that this cannot be.
 */

import type { KnownBox } from "./keeper";
import type { Entry } from "./queue";
import { canonical, kindOf } from "./text";
import type { Answer, Context } from "./types";

export interface AtHand {
  mode: string;
  box: string | null;
  context: string | null;
  /** The tube that was received last: what is scanned next may be of it. */
  last?: string | null;
  /** Free positions of the box in the order of filling; null: its map is not known here. */
  free: string[] | null;
}

/** The modes in which what is scanned goes into the box at hand. */
export const FILLING = new Set(["store", "move", "return"]);
const CONTEXTS: Record<string, string> = { pack: "X", receive: "X", verify: "TP", quantity: "T" };

/** A mode begins: what belonged to the one before is put aside. */
export function entered(hand: AtHand, mode: string): AtHand {
  const keep = mode !== "return"; // a tube that is returned goes to its own place, unless a box is scanned for it
  return { mode, context: null, box: keep ? hand.box : null, free: keep ? hand.free : null };
}

/** What is at hand after an answer. */
export function answered(hand: AtHand, answer: Answer, context: Context | null): AtHand {
  const mode = answer.mode || hand.mode;
  const came = mode === "receive" && answer.verdict !== "stop" && answer.code !== null && kindOf(answer.code) === "T";
  return { ...hand, mode, ...(context ? { context: context.code } : {}), ...(came ? { last: answer.code } : {}) };
}

export class Hands {
  private readonly placed = new Map<string, string>();
  private hand: AtHand;

  constructor(
    start: AtHand,
    private readonly boxes: ReadonlyMap<string, KnownBox>,
  ) {
    this.hand = { ...start, free: start.free ? [...start.free] : null };
  }

  get now(): AtHand {
    return this.hand;
  }

  /** The position that the next tube goes into. */
  get next(): string | null {
    return this.hand.free?.[0] ?? null;
  }

  /** What waits to be put into a box, by position. */
  waitingIn(box: string): Map<string, string> {
    const found = new Map<string, string>();
    for (const [key, position] of this.placed) {
      const [where, code] = key.split(" ");
      if (where === box && code) found.set(position, code);
    }
    return found;
  }

  /** Follow one entry. Returns what is sent of a scan. */
  follow(entry: Entry): Record<string, unknown> | null {
    if (entry.kind === "mode") {
      this.hand = entered(this.hand, entry.text);
      return null;
    }
    if (entry.kind !== "scan") return null;
    const { mode, box, context, last } = this.hand;
    const frozen = entry.body;
    const body: Record<string, unknown> = frozen ?? { text: entry.text, mode, box, context, move: false, ...(last ? { last } : {}) };
    const kind = kindOf(entry.text);
    if (kind === "B") {
      const known = this.boxes.get(canonical(entry.text));
      this.hand = { ...this.hand, box: canonical(entry.text), free: known ? [...known.free] : null };
    } else if (kind && context === null && CONTEXTS[mode]?.includes(kind)) {
      this.hand = { ...this.hand, context: canonical(entry.text) };
    } else if (mode === "receive" && kind === "T") {
      this.hand = { ...this.hand, last: canonical(entry.text) };
    } else if (box !== null && FILLING.has(mode)) {
      const position = typeof body["position"] === "string" ? body["position"] : this.position(entry.text, box);
      if (position) {
        if (!frozen) body["position"] = position;
        this.take(entry.text, box, position);
      }
    }
    return body;
  }

  /** Where a tube goes: the place that it got a moment ago, or stands in already, or else the next free one. */
  private position(text: string, box: string): string | null {
    const code = canonical(text);
    const before = this.placed.get(`${box} ${code}`);
    if (before) return before;
    const standing = this.boxes.get(box)?.box.cells.find((cell) => cell.code === code);
    return standing ? standing.label : this.next;
  }

  private take(text: string, box: string, position: string): void {
    this.placed.set(`${box} ${canonical(text)}`, position);
    if (this.hand.box === box && this.hand.free) this.hand.free = this.hand.free.filter((one) => one !== position);
  }
}
