/**
 * The scans that wait for the server, in order, one request at a time.
 *
 * An entry leaves the queue only when the server has answered it. When the server cannot be reached the same entry is sent
 * again with the same idempotency key, so a scan is neither lost nor applied twice. An unanswered STOP or question holds the
 * queue: what the hands did after it may not be what the server would make of it.
 */

export interface Entry {
  key: string;
  kind: "scan" | "undo" | "undo-box" | "mode";
  text: string;
  /** Frozen at the first attempt: a key never stands for two different requests. */
  body: Record<string, unknown> | null;
  /** When it was scanned and by whom, its place in the queue, whether it was made without a network, and whether it was sent. */
  at?: number;
  by?: string;
  seq?: number;
  late?: boolean;
  tried?: boolean;
}

/** The server gave no answer; trying again is safe. */
export class Unreachable extends Error {}

export interface QueueEvents<Result> {
  send(entry: Entry): Promise<Result>;
  answered(entry: Entry, result: Result): void;
  changed(): void;
}

const FIRST_WAIT = 500;
const LONGEST_WAIT = 8000;

export class ScanQueue<Result> {
  private readonly entries: Entry[] = [];
  private pumping = false;
  private isHeld = false;
  private isOffline = false;
  private wake: (() => void) | null = null;

  constructor(private readonly events: QueueEvents<Result>) {
    window.addEventListener("online", () => this.wake?.());
  }

  get size(): number {
    return this.entries.length;
  }

  get held(): boolean {
    return this.isHeld;
  }

  get offline(): boolean {
    return this.isOffline;
  }

  /** What waits, the oldest first. */
  get waiting(): readonly Entry[] {
    return this.entries;
  }

  /** What an earlier life of the tab left behind. */
  restore(entries: Entry[]): void {
    this.entries.push(...entries);
    this.events.changed();
    void this.pump();
  }

  /** Take the last entry back, if it is a scan that was never sent. */
  withdrawLast(): Entry | null {
    const last = this.entries.at(-1);
    if (!last || last.kind !== "scan" || last.tried) return null;
    this.entries.pop();
    this.events.changed();
    return last;
  }

  push(entry: Entry): void {
    this.entries.push(entry);
    this.events.changed();
    void this.pump();
  }

  /** Before everything that waits: the answer to the question that holds the queue. */
  pushFirst(entry: Entry): void {
    this.entries.unshift(entry);
  }

  hold(): void {
    this.isHeld = true;
    this.events.changed();
  }

  release(): void {
    this.isHeld = false;
    this.events.changed();
    void this.pump();
  }

  private async pump(): Promise<void> {
    if (this.pumping) return;
    this.pumping = true;
    try {
      let wait = FIRST_WAIT;
      while (!this.isHeld) {
        const entry = this.entries[0];
        if (!entry) break;
        entry.tried = true;
        try {
          const result = await this.events.send(entry);
          wait = FIRST_WAIT;
          this.isOffline = false;
          this.entries.shift();
          this.events.answered(entry, result);
        } catch (error) {
          if (!(error instanceof Unreachable)) throw error;
          this.isOffline = true;
          this.events.changed();
          await this.pause(wait);
          wait = Math.min(wait * 2, LONGEST_WAIT);
        }
      }
    } finally {
      this.pumping = false;
      this.events.changed();
    }
  }

  private pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = window.setTimeout(done, milliseconds);
      const queue = this;
      function done(): void {
        window.clearTimeout(timer);
        queue.wake = null;
        resolve();
      }
      this.wake = done;
    });
  }
}
