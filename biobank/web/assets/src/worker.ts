/**
 * The service worker of the scan station: it keeps the station's empty page and its assets, so that the station opens without a
 * network. Nothing that anybody scanned, and nothing about anybody, is ever in its cache.
 */

/// <reference lib="webworker" />

interface Shell {
  /** Changes with every build. */
  version: string;
  page: string;
  files: string[];
}

const worker = self as unknown as ServiceWorkerGlobalScope & { shell: Shell };

const PREFIX = "biobank-station-";
/** A network that answers later than this is none. */
const PATIENCE = 8000;
const NAME = PREFIX + worker.shell.version;

async function fill(): Promise<void> {
  const cache = await caches.open(NAME);
  await cache.addAll([worker.shell.page, ...worker.shell.files].map((url) => new Request(url, { cache: "no-cache" })));
}

async function dropOld(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== NAME);
  await Promise.all(old.map((name) => caches.delete(name)));
  await worker.clients.claim();
}

/** The page as the server gives it; the kept one when there is no server. */
async function opened(request: Request): Promise<Response> {
  try {
    return await fetch(request, { signal: AbortSignal.timeout(PATIENCE) });
  } catch (error) {
    const kept = await caches.match(worker.shell.page);
    if (kept) return kept;
    throw error;
  }
}

async function asset(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}

worker.addEventListener("install", (event) => event.waitUntil(fill().then(() => worker.skipWaiting())));
worker.addEventListener("activate", (event) => event.waitUntil(dropOld()));
worker.addEventListener("message", (event) => {
  // Signing out empties the cache; the next one who opens the station fills it again.
  if (event.data === "fill") event.waitUntil(caches.has(NAME).then((kept) => (kept ? undefined : fill())));
});
worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== worker.location.origin) return;
  if (request.mode === "navigate" && pathname === "/scan") event.respondWith(opened(request));
  else if (worker.shell.files.includes(pathname)) event.respondWith(asset(request));
});
