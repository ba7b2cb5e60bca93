/** The verdict panel: the last outcome in large type, and what it asks for. */

import { el, grouped, icon } from "../dom";
import { pathList } from "./render";
import type { Answer, Verdict } from "./types";

export interface Shown {
  verdict: Verdict | "muted" | "info";
  word: string;
  code?: string | null;
  title?: string | null;
  message?: string | null;
  where?: HTMLElement | null;
  link?: { label: string; href: string };
  actions?: { label: string; primary: boolean; run: () => void }[];
}

export function show(panel: HTMLElement, shown: Shown): void {
  panel.className = `verdict is-${shown.verdict}`;
  panel.setAttribute("role", shown.verdict === "stop" ? "alert" : "status");
  const word = el("p", { class: "verdict-word" }, icon(shown.verdict === "muted" ? "pending" : shown.verdict), shown.word);
  const parts: (Node | null)[] = [
    word,
    line("verdict-code", shown.code ? grouped(shown.code) : null),
    line("verdict-title", shown.title),
    line("verdict-message", shown.message),
    shown.where ?? null,
  ];
  if (shown.actions?.length) {
    const row = el("p", { class: "actions" });
    for (const action of shown.actions) {
      const button = el("button", { type: "button", class: action.primary ? "primary" : "" }, action.label);
      button.addEventListener("click", action.run);
      row.append(button);
    }
    if (shown.link) row.append(el("a", { class: "button", href: shown.link.href }, shown.link.label));
    row.append(el("span", { class: "held", "data-slot": "held" }));
    parts.push(row);
  }
  panel.replaceChildren(...parts.filter((part): part is Node => part !== null));
}

function line(name: string, text: string | null | undefined): HTMLElement | null {
  return text ? el("p", { class: name }, text) : null;
}

/** Where it is; for a question both places, so that the two can be compared. */
export function places(answer: Answer, here: string | null): HTMLElement | null {
  const now = pathList(answer.path, answer.position);
  if (answer.confirm !== "move" || !here) return now;
  return el("dl", { class: "places" }, el("dt", {}, "Now in"), el("dd", {}, now ?? "–"), el("dt", {}, "Move to"), el("dd", {}, el("b", {}, here)));
}
