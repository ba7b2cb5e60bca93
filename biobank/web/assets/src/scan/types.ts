/** The contract with `POST /api/v1/scan` and `POST /api/v1/scan/undo`. */

export type Verdict = "ok" | "duplicate" | "warning" | "stop";
export type CellState = "free" | "full" | "hold" | "just" | "next" | "take" | "pick" | "reserved";

export interface Place {
  name: string;
  href: string | null;
}

export interface Cell {
  row: number;
  col: number;
  label: string;
  state: CellState;
  code: string | null;
  text: string;
  href: string | null;
}

export interface BoxView {
  code: string;
  name: string;
  rows: number;
  cols: number;
  row_labels: string[];
  col_labels: string[];
  cells: Cell[];
  occupied: number;
  capacity: number;
  temperature_class: string | null;
  fill: string | null;
  path?: Place[];
}

export interface Context {
  code: string;
  words: string;
}

export interface Answer {
  verdict: Verdict;
  word: string;
  code: string | null;
  title: string | null;
  message: string | null;
  path: Place[];
  position: string | null;
  href: string | null;
  mode: string;
  box: BoxView | null;
  /** The box is shown, and is not the one that tubes go into. */
  look: boolean;
  /** Free positions in the order of filling. */
  free: string[] | null;
  next: string | null;
  context: Context | null;
  confirm: "move" | "first_in_hand" | "remap" | null;
  digest: string | null;
  undo: string | null;
  unpack: boolean;
  final: boolean;
  go: boolean;
  command: string | null;
  /** What is done from here on for; empty, for nothing any more. */
  reason: string | null;
}

/** Words the server gives the page, so that they are written down once. */
export interface Words {
  state: Record<CellState, string>;
  fill: Record<string, string>;
  temperature: { step: number; words: string; names: string[] }[];
}
