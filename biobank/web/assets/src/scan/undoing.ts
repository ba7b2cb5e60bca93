/** What is sent to take a deed back. A deed is named by its token; a tube that was packed by its package and its code. */

import type { Entry } from "./queue";
import type { Answer } from "./types";

const UNPACK = "unpack";

export function undoBody(token: string, user: string): Record<string, unknown> {
  const [kind, context, tube] = token.split(":");
  return { ...(kind === UNPACK ? { context, tube } : { undo: token }), made_by: user || null };
}

/** The token by which what an answer tells of is taken back; null where it is not. */
export function tokenOf(entry: Entry, answer: Answer): string | null {
  return answer.undo ?? (answer.unpack ? [UNPACK, entry.body?.["context"], answer.code].join(":") : null);
}

/** The tokens that an undo took back. */
export function undone(entry: Entry): string[] {
  const { undo, undos, context, tube } = (entry.body ?? {}) as { undo?: string; undos?: string[]; context?: string; tube?: string };
  return undos ?? [undo ?? [UNPACK, context, tube].join(":")];
}

/** Deeds that are taken back together, as those of a box. */
export function together(tokens: string[]): string[] {
  return tokens.filter((token) => !token.startsWith(`${UNPACK}:`));
}
