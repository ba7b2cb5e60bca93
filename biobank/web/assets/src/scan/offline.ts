/** The station without a network: the page is kept by a service worker; signing out takes with it what was kept. */

import { ask } from "../page";
import { forgetBoxes, waitingScans } from "./keeper";

const PREFIX = "biobank-station-";

/** Where the browser can (https, or this computer itself), keep the page so that it opens without a network. */
export async function keepPage(): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  try {
    await navigator.serviceWorker.register("/scan/worker.js", { scope: "/scan" });
    (await navigator.serviceWorker.ready).active?.postMessage("fill");
  } catch {
    // not allowed here, or offline: the page that is open works on all the same
  }
}

/** On every page: what waits is said before somebody signs out, and nothing that was kept for offline work stays behind. */
export function watchSignOut(): void {
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (!(form instanceof HTMLFormElement) || form.getAttribute("action") !== "/logout" || form.dataset["cleared"]) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      void cleared().then((go) => {
        if (!go) return;
        form.dataset["cleared"] = "yes";
        form.requestSubmit();
      });
    },
    { capture: true },
  );
}

async function cleared(): Promise<boolean> {
  try {
    const count = await waitingScans();
    const scans = `${count} ${count === 1 ? "scan waits" : "scans wait"}`;
    if (count && !(await ask(`${scans} at this computer for the network. They are kept, and sent when who made them signs in here again.`, "Sign out"))) return false;
    if ("caches" in window) {
      for (const name of await caches.keys()) if (name.startsWith(PREFIX)) await caches.delete(name);
    }
    await forgetBoxes();
  } catch {
    // a browser that keeps nothing has nothing to forget
  }
  return true;
}
