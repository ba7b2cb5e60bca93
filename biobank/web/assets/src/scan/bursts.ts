/**
 * What one pull of the trigger is. A gun that sees two labels types both without a pause: then neither is taken. The same code within
 * three seconds is the same pull; another code never is.
 */

const AGAIN = 3000;
const COMMAND_AGAIN = 500;
/** A burst that brings no second code was none. */
const ENDS = 1000;

export class Bursts<Item> {
  private held: { item: Item; at: number; timer: number } | null = null;
  private entered = 0;
  private inBurst = false;
  private last = { code: "", at: -AGAIN };

  constructor(
    private readonly pause: () => number,
    private readonly taken: (item: Item) => void,
    private readonly refused: (items: Item[]) => void,
  ) {}

  /**
   * A key came: the first of a code that follows without a pause belongs to the one before. By the time of the key itself: a page
   * that was busy hears of it later.
   */
  key(event: KeyboardEvent): void {
    if (event.key === "Enter") this.entered = event.timeStamp;
    if (event.key.length !== 1 || !this.held || this.inBurst) return;
    if (event.timeStamp - this.held.at >= this.pause()) return this.flush();
    window.clearTimeout(this.held.timer);
    this.inBurst = true;
    this.held.timer = window.setTimeout(() => this.flush(), ENDS);
  }

  /** A whole code came. */
  code(item: Item): void {
    if (this.held && this.inBurst) {
      const items = [this.held.item, item];
      window.clearTimeout(this.held.timer);
      this.held = null;
      this.inBurst = false;
      return this.refused(items);
    }
    this.flush();
    const wait = this.pause();
    if (!wait) return this.taken(item);
    this.held = { item, at: this.entered || performance.now(), timer: window.setTimeout(() => this.flush(), wait) };
  }

  /** Whether it is the code that came a moment ago. */
  isAgain(code: string, command: boolean): boolean {
    const now = performance.now();
    const again = this.last.code === code && now - this.last.at < (command ? COMMAND_AGAIN : AGAIN);
    if (!again) this.last = { code, at: now };
    return again;
  }

  private flush(): void {
    const held = this.held;
    this.held = null;
    this.inBurst = false;
    if (!held) return;
    window.clearTimeout(held.timer);
    this.taken(held.item);
  }
}
