/**
 * Which station this tab is. Each tab has a station of its own and holds its lock while it lives, so that no scan is sent by two
 * tabs; the scans of a tab that died are taken over by the next one that opens.
 */

import { newKey } from "./focus";
import type { Keeper } from "./keeper";

const KEY = "biobank-station-id";

export async function chooseStation<T>(keeper: Keeper<T>): Promise<string> {
  const mine = remembered();
  if (!("locks" in navigator)) {
    // Plain http: no locks, so a tab touches its own scans only.
    const station = mine ?? newKey();
    remember(station);
    return station;
  }
  for (const candidate of [...(mine ? [mine] : []), ...(await keeper.waiting()), newKey()]) {
    if (await hold(candidate)) {
      remember(candidate);
      return candidate;
    }
  }
  return newKey();
}

/** Take the station's lock for as long as the tab lives; false when another tab has it. */
function hold(station: string): Promise<boolean> {
  return new Promise((resolve) => {
    void navigator.locks.request(`biobank-station-${station}`, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock ? new Promise<void>(() => undefined) : undefined;
    });
  });
}

function remembered(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function remember(station: string): void {
  try {
    sessionStorage.setItem(KEY, station);
  } catch {
    // a tab that keeps nothing is a new station each time
  }
}

const USER = "biobank-station-user";

/** Who works here: as the page says, and offline, where it says nothing, the last one it named. */
export function userHere(named: string): string {
  if (named) localStorage.setItem(USER, named);
  return named || localStorage.getItem(USER) || "";
}
