/** Others at the box at hand: what they change in it shows within two seconds, and their names stand beside it. */

import { watchPlace } from "../live";
import type { BoxView } from "./types";

/** An answer of this station brings the whole box along; what it says need not be asked for again. */
const KNOWN_FOR = 1500;

export class Neighbours {
  private code: string | null = null;
  private stop: (() => void) | null = null;
  private timer = 0;
  private known = 0;

  constructor(
    private readonly words: HTMLElement,
    private readonly changed: (box: BoxView) => void,
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

  private name(names: string[]): void {
    this.words.textContent = names.length ? `Also at this box: ${names.join(", ")}` : "";
  }

  private forget(): void {
    window.clearTimeout(this.timer);
    this.timer = 0;
  }
}
