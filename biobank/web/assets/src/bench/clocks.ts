/** Clocks that run: the server writes the moments and the words of the moment; here the words follow the time. */

import { el } from "../dom";

const SOON = 15 * 60_000;
const EVERY = 15_000;

export function startClocks(root: ParentNode = document): void {
  for (const clock of root.querySelectorAll<HTMLElement>("[data-clock]")) tick(clock);
}

export function runClocks(): void {
  if (!document.querySelector("#bench, #worksheet")) return;
  startClocks();
  window.setInterval(() => startClocks(), EVERY);
}

function tick(clock: HTMLElement): void {
  const [kind, words] = stands(clock, Date.now());
  if (!words) return;
  const state = clock.querySelector(".state");
  if (state?.textContent === words) return;
  const drawn = document.querySelector<HTMLTemplateElement>(`template[data-icon="${kind}"]`);
  const icon = drawn ? drawn.content.cloneNode(true) : (state?.querySelector(".icon")?.cloneNode(true) ?? null);
  clock.replaceChildren(el("span", { class: `state is-${kind}` }, icon, words));
}

/** The same rule as `clocks.clock` of the server. */
function stands(clock: HTMLElement, now: number): [string, string] {
  const at = (name: string): number | null => (clock.dataset[name] ? Date.parse(clock.dataset[name]) : null);
  const ends = at("ends");
  if (clock.dataset["ends"] !== undefined) {
    if (ends === null) return ["info", ""];
    return now < ends ? ["info", `running, ${span(ends - now)} to go`] : ["ok", "over, may be stopped"];
  }
  const before = at("notBefore");
  const after = at("notAfter");
  const running = at("running");
  if (running !== null) {
    if (after !== null && now > after) return ["stop", `running ${span(now - running)}, too long by ${span(now - after)}`];
    if (before !== null && now < before) return ["info", `running ${span(now - running)}, ${span(before - now)} to go`];
    return ["ok", `running ${span(now - running)}, may be stopped`];
  }
  if (after !== null && now > after) return ["stop", `overdue by ${span(now - after)}`];
  if (before !== null && now < before) return ["pending", `wait ${span(before - now)}`];
  if (after === null) return ["ok", "ready, no limit"];
  return after - now <= SOON ? ["warning", `due soon, ${span(after - now)} left`] : ["ok", `ready, ${span(after - now)} left`];
}

function span(milliseconds: number): string {
  const total = Math.max(1, Math.ceil(milliseconds / 60_000));
  if (total < 60) return `${total} min`;
  const hours = Math.floor(total / 60);
  return hours < 48 ? `${hours} h ${String(total % 60).padStart(2, "0")} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
