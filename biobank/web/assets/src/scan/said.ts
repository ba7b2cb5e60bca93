/** What a scan said goes with what follows: the reason in its field, which can be typed as well. */

import { need } from "../dom";

const LEAST = 3;

function field(): HTMLInputElement {
  return need<HTMLInputElement>("#reason");
}

/** The reason that goes with a scan in this mode, where one is given. */
export function reasonOf(mode: string): { reason?: string } {
  const words = field().value.trim();
  return mode in asked() && words.length >= LEAST ? { reason: words } : {};
}

/** An answer said why; the empty text takes it away. */
export function tellReason(words: string | null | undefined): void {
  if (typeof words === "string") field().value = words;
}

/** The field of the reason is there in the modes that ask for one. */
export function askReason(mode: string): void {
  const row = need("#reason-row");
  const words = asked()[mode];
  row.hidden = !words;
  if (words) need("label", row).textContent = words;
}

function asked(): Record<string, string> {
  return JSON.parse(need("#reason-row").dataset["asked"] ?? "{}") as Record<string, string>;
}
