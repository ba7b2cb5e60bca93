/** Scans that were made offline and refused when they were sent: each waits here for a decision, and nothing else waits for it. */

import { el, grouped, need } from "../dom";
import { post } from "./client";
import { newKey } from "./focus";
import { stateWord } from "./render";
import type { Answer } from "./types";

export interface Conflict {
  key: string;
  text: string;
  body: Record<string, unknown>;
  at: number;
  title: string;
  message: string;
  confirm: Answer["confirm"];
}

export interface Decisions {
  again(conflict: Conflict, yes: boolean): void;
  drop(conflict: Conflict, reason: string): void;
}

const SHORTEST = 3;

export class Conflicts {
  private readonly panel = need("#conflicts");
  private readonly list = need("#conflict-list");
  private open: Conflict[] = [];

  constructor(
    private readonly decisions: Decisions,
    private readonly clock: Intl.DateTimeFormat,
  ) {}

  get all(): Conflict[] {
    return this.open;
  }

  restore(conflicts: Conflict[]): void {
    conflicts.forEach((one) => this.add(one));
  }

  add(conflict: Conflict): void {
    this.open.push(conflict);
    this.list.append(this.drawn(conflict));
    this.show();
  }

  private close(conflict: Conflict): void {
    this.open = this.open.filter((one) => one.key !== conflict.key);
    this.list.querySelector(`[data-key="${conflict.key}"]`)?.remove();
    this.show();
  }

  private show(): void {
    this.panel.hidden = this.open.length === 0;
    const count = this.open.length;
    need("[data-slot=conflict-count]").textContent = `${count} ${count === 1 ? "scan needs" : "scans need"} a decision`;
  }

  private drawn(conflict: Conflict): HTMLElement {
    const { body } = conflict;
    const where = [body["box"] ? grouped(String(body["box"])) : null, body["position"]].filter(Boolean).join(" / ");
    const reason = el("input", { "aria-label": `Why ${grouped(conflict.text)} is dropped`, placeholder: "Why it is dropped", maxlength: "400" });
    const drop = el("button", { type: "button", class: "small" }, "Drop");
    const again = el("button", { type: "button", class: "small" }, "Try again");
    drop.addEventListener("click", () => {
      if (reason.value.trim().length < SHORTEST) return reason.focus();
      this.close(conflict);
      this.decisions.drop(conflict, reason.value.trim());
    });
    reason.addEventListener("keydown", (event) => {
      if (event.key === "Enter") drop.click();
    });
    again.addEventListener("click", () => {
      this.close(conflict);
      this.decisions.again(conflict, false);
    });
    const row = el("p", { class: "actions" }, again);
    if (conflict.confirm) {
      const yes = el("button", { type: "button", class: "small primary" }, conflict.confirm === "move" ? "Move it here" : "It is the first tube: move it here");
      yes.addEventListener("click", () => {
        this.close(conflict);
        this.decisions.again(conflict, true);
      });
      row.prepend(yes);
    }
    row.append(reason, drop);
    return el(
      "li",
      { "data-key": conflict.key },
      el("p", {}, stateWord("warning", conflict.title), " ", el("span", { class: "code" }, grouped(conflict.text)), ` ${where}`, el("small", {}, ` scanned ${this.clock.format(new Date(conflict.at))}`)),
      el("p", { class: "muted" }, conflict.message),
      row,
    );
  }
}

/** Put on record that a scan is dropped, and why; false when that was not possible. */
export async function dropped(conflict: Conflict, reason: string): Promise<boolean> {
  const { text, mode, box, scanned_at } = conflict.body;
  const refusal = `${conflict.title}: ${conflict.message}`.slice(0, 1000);
  const body = { text, mode, box: box ?? null, scanned_at, refusal, reason };
  try {
    return "answer" in (await post("/api/v1/station/dropped", { key: newKey(), kind: "mode", text: "", body }));
  } catch {
    return false;
  }
}
