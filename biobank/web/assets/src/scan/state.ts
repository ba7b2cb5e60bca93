/** What a station has at hand, and what its page does for its work. */

import type { Conflict } from "./conflicts";
import type { AtHand } from "./hands";
import type { KeptLine } from "./log";
import type { Context } from "./types";

/** What a station has at hand, as it is written down. */
export interface State {
  hand: AtHand;
  context: Context | null;
  training: boolean;
  touched: number;
  /** The tubes of a box that is re-mapped, in the order in which they stand in it now. */
  collected: string[];
  lines: KeptLine[];
  conflicts: Conflict[];
}

/** What the station's page does for its work. */
export interface Page {
  panel: HTMLElement;
  input: HTMLInputElement;
  /** A command that an answer asks for. */
  command(verb: string): boolean;
  /** How the scanner was found fit today. */
  way(): "scanner" | "hand" | null;
}
