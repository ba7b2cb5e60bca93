/** The tubes in this person's hands, with the minutes since each left its box: what comes out of -80 does not wait. */

import { el, grouped, need } from "../dom";
import { stateWord } from "./render";

interface TubeInHand {
  code: string;
  title: string;
  since: string;
  minutes: number;
  cold: boolean;
  tone: "ok" | "warning" | "stop";
}

const EVERY = 60_000;
const SHOWN = 30;
const WORDS = { ok: " in hand", warning: ", put it back", stop: ", too long" };

const HOUR = 60;
const DAY = 24 * HOUR;

/** `45 min`, `3 h`, `32 days`: as much as somebody wants to know of it. */
function duration(minutes: number): string {
  if (minutes < 2 * HOUR) return `${minutes} min`;
  return minutes < 2 * DAY ? `${Math.floor(minutes / HOUR)} h` : `${Math.floor(minutes / DAY)} days`;
}

export class InHand {
  private timer = 0;

  /** Asks again in a moment: after a scan, and each minute. */
  soon(milliseconds = 400): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.load(), milliseconds);
  }

  private async load(): Promise<void> {
    try {
      const response = await fetch("/api/v1/station/in-hand", { credentials: "same-origin" });
      if (response.ok) this.draw((await response.json()) as TubeInHand[]);
    } catch {
      // offline: what was shown last stays
    }
    this.soon(EVERY);
  }

  private draw(tubes: TubeInHand[]): void {
    const panel = need("#in-hand");
    panel.hidden = tubes.length === 0;
    const urgent = tubes.filter((tube) => tube.tone !== "ok").length;
    need("[data-slot=in-hand-count]", panel).textContent = urgent ? `${tubes.length}, ${urgent} out too long` : String(tubes.length);
    const order = { stop: 0, warning: 1, ok: 2 };
    const sorted = [...tubes].sort((one, other) => order[one.tone] - order[other.tone] || other.minutes - one.minutes);
    const rows = sorted.slice(0, SHOWN).map((tube) =>
      el(
        "li",
        { class: `is-${tube.tone}` },
        el("a", { class: "code", href: `/specimens/${tube.code}` }, grouped(tube.code)),
        el("span", { class: "muted" }, tube.title),
        stateWord(tube.tone === "ok" ? "pending" : tube.tone, `${duration(tube.minutes)}${tube.cold ? WORDS[tube.tone] : WORDS.ok}`),
      ),
    );
    if (sorted.length > SHOWN) rows.push(el("li", { class: "muted" }, `and ${sorted.length - SHOWN} more`));
    need("[data-slot=in-hand]", panel).replaceChildren(...rows);
  }
}
