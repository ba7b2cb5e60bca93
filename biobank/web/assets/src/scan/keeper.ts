/**
 * What a station must not lose, in the browser's own database: the scans that wait, what the station has at hand, and the maps of
 * boxes that were open. A scan is written down before it is sent, and with all that is sent of it, so that a tab that dies in the
 * middle sends the same request again and the server knows it.
 */

import type { Entry } from "./queue";
import type { BoxView } from "./types";

export interface KnownBox {
  code: string;
  box: BoxView;
  free: string[];
  at: number;
}

/** What a station has at hand; `T` is its own. */
interface Kept<T> {
  station: string;
  user: string;
  state: T;
}

interface Row extends Entry {
  station: string;
  seq: number;
}

const NAME = "biobank-station";
const BOXES_MOST = 200;

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser's database refused"));
  });
}

function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("scans", { keyPath: "key" });
    request.result.createObjectStore("stations", { keyPath: "station" });
    request.result.createObjectStore("boxes", { keyPath: "code" });
  };
  return done(request);
}

export class Keeper<T> {
  private seq = Date.now();
  /** Writes follow each other in the order in which they were asked for. */
  private last: Promise<unknown> = Promise.resolve();
  private failed = false;

  private constructor(
    private readonly database: IDBDatabase | null,
    private station: string,
    private readonly user: string,
  ) {}

  /** Without a database (a browser that keeps nothing) everything is answered as if it were empty. */
  static async start<T>(user: string): Promise<Keeper<T>> {
    try {
      return new Keeper<T>(await open(), "", user);
    } catch {
      return new Keeper<T>(null, "", user);
    }
  }

  /** Whether scans outlive the tab. */
  get lasting(): boolean {
    return this.database !== null && !this.failed;
  }

  /** The station whose scans and state these are, and what it left behind. */
  async become(station: string): Promise<{ entries: Entry[]; state: T | null }> {
    this.station = station;
    const rows = (await this.all<Row>("scans")).filter((row) => row.station === station && row.by === this.user);
    const kept = (await this.all<Kept<T>>("stations")).find((one) => one.station === station && one.user === this.user);
    rows.sort((one, other) => one.seq - other.seq);
    this.seq = Math.max(this.seq, ...rows.map((row) => row.seq + 1));
    return { entries: rows.map(({ station: _, seq: __, ...entry }) => entry), state: kept?.state ?? null };
  }

  /** Stations of this browser at which scans of this person wait, the oldest first. */
  async waiting(): Promise<string[]> {
    const rows = (await this.all<Row>("scans")).filter((row) => row.by === this.user);
    rows.sort((one, other) => one.seq - other.seq);
    return [...new Set(rows.map((row) => row.station))];
  }

  /** How many scans of whom else wait in this browser: they are sent when that person signs in. */
  async ofOthers(): Promise<Map<string, number>> {
    const count = new Map<string, number>();
    for (const row of await this.all<Row>("scans")) {
      if (row.by && row.by !== this.user) count.set(row.by, (count.get(row.by) ?? 0) + 1);
    }
    return count;
  }

  /** Write an entry down, anew or with what is sent of it. */
  keep(entry: Entry, front = false): Promise<void> {
    entry.seq ??= front ? -Date.now() : this.seq++;
    return this.write(["scans"], (stores) => stores["scans"]!.put({ ...entry, station: this.station }));
  }

  /** The entry was answered (null: none was) and the station is now as `state` says, in one step. */
  settle(key: string | null, state: T): Promise<void> {
    return this.write(["scans", "stations"], (stores) => {
      if (key) stores["scans"]!.delete(key);
      stores["stations"]!.put({ station: this.station, user: this.user, state });
    });
  }

  remember(known: KnownBox): Promise<void> {
    return this.write(["boxes"], (stores) => stores["boxes"]!.put(known));
  }

  async boxes(): Promise<Map<string, KnownBox>> {
    const known = await this.all<KnownBox>("boxes");
    known.sort((one, other) => other.at - one.at);
    return new Map(known.slice(0, BOXES_MOST).map((one) => [one.code, one]));
  }

  private async all<Row>(store: string): Promise<Row[]> {
    if (!this.database) return [];
    await this.last;
    return done(this.database.transaction(store).objectStore(store).getAll() as IDBRequest<Row[]>);
  }

  private write(names: string[], what: (stores: Record<string, IDBObjectStore>) => void): Promise<void> {
    const database = this.database;
    if (!database) return Promise.resolve();
    const writing = this.last.then(
      () =>
        new Promise<void>((resolve, reject) => {
          const transaction = database.transaction(names, "readwrite", { durability: "strict" });
          what(Object.fromEntries(names.map((name) => [name, transaction.objectStore(name)])));
          transaction.oncomplete = () => resolve();
          transaction.onabort = () => reject(transaction.error ?? new Error("not written"));
        }),
    );
    this.last = writing.catch(() => {
      this.failed = true; // the disk is full: the page says so, and goes on in memory
    });
    return this.last as Promise<void>;
  }
}

/** How many scans wait in this browser, of whomever. */
export async function waitingScans(): Promise<number> {
  const database = await open();
  const count = await done(database.transaction("scans").objectStore("scans").count());
  database.close();
  return count;
}

/** Forget the maps of boxes, as at the end of somebody's work here; scans that wait stay. */
export async function forgetBoxes(): Promise<void> {
  const database = await open();
  await done(database.transaction("boxes", "readwrite").objectStore("boxes").clear());
  database.close();
}
