/** What the verdict panel says when something more than an answer is to be shown: questions, refusals, two codes at once. */

import { grouped } from "../dom";
import type { Refusal } from "./client";
import { places, type Shown } from "./panel";
import type { Answer } from "./types";

export interface Choices {
  yes(): void;
  no(): void;
}

export const NO_QUESTION: Shown = { verdict: "warning", word: "Nothing to confirm", title: "No question is open at this station." };
export const NO_BOX: Shown = { verdict: "warning", word: "No box", title: "No box is at hand at this station." };
const SIGN_IN = { label: "Sign in", href: "/login?next=/scan" };

export function acknowledged(choices: Choices): NonNullable<Shown["actions"]> {
  return [{ label: "Acknowledge", primary: true, run: choices.no }];
}

export function outcome(answer: Answer): Shown {
  const { verdict, word, code, title, message } = answer;
  return { verdict, word, code, title, message, where: places(answer, null) };
}

/** A question of the server: both places, and what a yes does. */
export function question(answer: Answer, here: string, choices: Choices): Shown {
  const move = answer.confirm === "move";
  if (answer.confirm === "remap") {
    const actions = [
      { label: "Re-map the box", primary: true, run: choices.yes },
      { label: "Scan on", primary: false, run: choices.no },
    ];
    return { ...outcome(answer), actions };
  }
  const shown: Shown = {
    ...outcome(answer),
    where: places(answer, here),
    actions: [
      { label: move ? "Move it here" : "That place is empty: move it here", primary: move, run: choices.yes },
      { label: "Leave it there", primary: !move, run: choices.no },
    ],
  };
  if (!move && answer.href) shown.link = { label: "Two tubes: give this one its own id", href: answer.href };
  return shown;
}

export function refusal(code: string | null, refused: Refusal, choices: Choices): Shown {
  return { verdict: "stop", word: "Stop", code, title: refused.title, message: refused.detail, actions: acknowledged(choices) };
}

/** The session ended, or is another person's: what waits is sent when the one who scanned it is signed in again. */
export function signedOut(user: string, now: string | null, code: string | null, choices: Choices): Shown {
  return {
    verdict: "stop",
    word: now ? "Another person" : "Signed out",
    code,
    title: now ? `${now} is signed in, and these are scans of ${user}.` : "Nobody is signed in any more.",
    message: `Sign in${user ? ` as ${user}` : ""} again, then acknowledge: the scans that wait are sent then, none is lost.`,
    actions: acknowledged(choices),
    link: SIGN_IN,
  };
}

export function twoCodes(codes: string[], choices: Choices): Shown {
  return {
    verdict: "stop",
    word: "Two codes at once",
    title: codes.map(grouped).join("  "),
    message: "Nothing was sent. Scan them one by one; cover the other label if the scanner sees both.",
    actions: acknowledged(choices),
  };
}

export function pasted(codes: string[], choices: Choices): Shown {
  return {
    verdict: "warning",
    word: `${codes.length} codes pasted`,
    title: `From ${grouped(codes[0] ?? "")} to ${grouped(codes.at(-1) ?? "")}.`,
    message: "Send them one after the other, in this order?",
    actions: [
      { label: `Send ${codes.length}`, primary: true, run: choices.yes },
      { label: "Send none", primary: false, run: choices.no },
    ],
  };
}

/** An answer the station gives itself. */
export function local(part: Partial<Answer>): Answer {
  return {
    verdict: "ok",
    word: "",
    code: null,
    title: null,
    message: null,
    path: [],
    position: null,
    href: null,
    mode: "",
    box: null,
    look: false,
    free: null,
    next: null,
    context: null,
    confirm: null,
    digest: null,
    undo: null,
    unpack: false,
    final: false,
    go: false,
    command: null,
    reason: null,
    ...part,
  };
}
