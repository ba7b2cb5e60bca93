/** What is set up at this computer, kept in its browser: the same bench, whoever works at it. */

export interface Settings {
  /** Characters that the scanner puts before and after each code. */
  prefix: string;
  suffix: string;
  /** After so many minutes without a scan the box at hand is forgotten; 0: never. */
  minutes: number;
  /** Two codes that come within so many milliseconds are one burst, and neither is taken; 0: never. */
  burst: number;
  /** The day on which the station was found fit, and how. */
  tested: { day: string; way: "scanner" | "hand" } | null;
}

const KEY = "biobank-station";
const USUAL: Settings = { prefix: "", suffix: "", minutes: 15, burst: 25, tested: null };

export function settings(): Settings {
  try {
    return { ...USUAL, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Settings>) };
  } catch {
    return { ...USUAL }; // no storage, or not ours
  }
}

export function keepSettings(change: Partial<Settings>): Settings {
  const now = { ...settings(), ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(now));
  } catch {
    // a browser that keeps nothing asks again next time
  }
  return now;
}

/** The day at this computer: a self-test holds for one. */
export function today(): string {
  const now = new Date();
  return `${now.getFullYear()}-${String(now.getMonth() + 1).padStart(2, "0")}-${String(now.getDate()).padStart(2, "0")}`;
}
