/** A page that shows a place looks again when something changed there, and says who else looks at it. */

import htmx from "htmx.org";
import { el, need } from "./dom";
import { stateWord } from "./scan/render";

export interface Watcher {
  changed(): void;
  people(names: string[]): void;
  /** Whether the server is heard: a page that is not live says so. */
  heard(live: boolean): void;
}

/** Watch a container by its code until the returned function is called. */
export function watchPlace(code: string, watcher: Watcher): () => void {
  const source = new EventSource(`/api/v1/containers/${encodeURIComponent(code)}/live`);
  let lost = false;
  source.addEventListener("open", () => {
    watcher.heard(true);
    if (lost) watcher.changed(); // what happened meanwhile was not heard
    lost = false;
  });
  source.addEventListener("error", () => {
    lost = true;
    watcher.heard(false);
  });
  source.addEventListener("changed", () => watcher.changed());
  source.addEventListener("people", (event) => watcher.people((event as MessageEvent<string>).data.split("\n").filter(Boolean)));
  return () => source.close();
}

export function startLive(): void {
  const root = document.querySelector<HTMLElement>("[data-live]");
  if (!root) return;
  const code = root.dataset["live"] ?? "";
  const words = need("[data-slot=live]", root);
  let names: string[] = [];
  let live = true;
  const show = (): void => {
    if (!live) words.replaceChildren(stateWord("warning", "Not live: reload to see what others changed"));
    else if (names.length) words.replaceChildren(stateWord("info", "Also here:"), " ", names.join(", "));
    else words.replaceChildren(el("span", { class: "muted" }, "Changes of others show here by themselves."));
  };
  const stop = watchPlace(code, {
    // By its own address: a form that was refused is shown at another one, which can only be posted to.
    changed: () => void htmx.ajax("get", `/storage/${encodeURIComponent(code)}`, { target: "#inside", select: "#inside", swap: "outerHTML" }),
    people: (found) => {
      names = found;
      show();
    },
    heard: (now) => {
      live = now;
      show();
    },
  });
  show();
  window.addEventListener("pagehide", stop);
}
