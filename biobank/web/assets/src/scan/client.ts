/** One request to the scan endpoint: an answer, a refusal in words, or `Unreachable`. */

import { csrfToken } from "../dom";
import { noteServerTime } from "./clock";
import { Unreachable, type Entry } from "./queue";
import type { Answer } from "./types";

export interface Refusal {
  status: number;
  /** The last part of the problem's address. */
  problem: string;
  title: string;
  detail: string;
}

export type Outcome<View = Answer> = { answer: View } | { refusal: Refusal };

const PATHS = { scan: "/api/v1/scan", undo: "/api/v1/scan/undo", "undo-box": "/api/v1/scan/undo-box" };
const TIMEOUT = 15_000;
/** Answers of a proxy or a server that is starting or busy: the scan was not refused, it was not heard. */
const NOT_HEARD = new Set([408, 425, 429, 502, 503, 504]);

export function send(kind: keyof typeof PATHS, entry: Entry): Promise<Outcome> {
  return post<Answer>(PATHS[kind], entry);
}

export async function post<View>(path: string, entry: Entry): Promise<Outcome<View>> {
  let response: Response;
  if (!csrfToken()) await session(); // a page that was kept for offline work carries none
  try {
    response = await fetch(path, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, application/problem+json",
        "idempotency-key": entry.key,
        "x-csrftoken": csrfToken(),
      },
      body: JSON.stringify(entry.body),
      credentials: "same-origin",
      signal: AbortSignal.timeout(TIMEOUT),
    });
    noteServerTime(response.headers.get("date"));
    if (NOT_HEARD.has(response.status)) throw new Unreachable(`status ${response.status}`);
    const body: unknown = await response.json();
    return response.ok ? { answer: body as View } : { refusal: refusal(response.status, body) };
  } catch (error) {
    if (error instanceof Unreachable) throw error;
    if (error instanceof SyntaxError) {
      return { refusal: { status: 0, problem: "", title: "Not understood", detail: "The server sent no JSON. Tell your administrator." } };
    }
    throw new Unreachable(String(error)); // no network, or cut in the middle
  }
}

function refusal(status: number, body: unknown): Refusal {
  const problem = (body ?? {}) as { type?: unknown; title?: unknown; detail?: unknown };
  return {
    status,
    problem: typeof problem.type === "string" ? (problem.type.split("/").at(-1) ?? "") : "",
    title: typeof problem.title === "string" ? problem.title : `The server answered ${status}`,
    detail: typeof problem.detail === "string" ? problem.detail : "",
  };
}

export interface Session {
  username: string;
  csrf_token: string;
}

/** Who is signed in now, with a fresh token for the requests of this page; null when nobody is, or the server is away. */
export async function session(): Promise<Session | null> {
  try {
    const response = await fetch("/scan/session", { credentials: "same-origin", signal: AbortSignal.timeout(TIMEOUT) });
    if (!response.ok) return null;
    const found = (await response.json()) as Session;
    let meta = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]');
    if (!meta) {
      meta = document.createElement("meta");
      meta.name = "csrf-token";
      document.head.append(meta);
    }
    meta.content = found.csrf_token;
    return found;
  } catch {
    return null;
  }
}
