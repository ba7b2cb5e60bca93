/** The time at the server: the clock of a bench PC may be wrong, and a scan that waits says when it was made. */

const ALLOWED = 2000; // the server's date has whole seconds
let offset = 0;

export function noteServerTime(date: string | null): void {
  const difference = Date.parse(date ?? "") - Date.now();
  if (Number.isFinite(difference)) offset = Math.abs(difference) > ALLOWED ? difference : 0;
}

export function serverNow(): number {
  return Date.now() + offset;
}
