/** A pick list in front of the freezer: the scan station's input, queue, sounds and verdicts, and the tube to fetch next. */

import { el, grouped, need } from "../dom";
import { post, type Outcome } from "./client";
import { keepFocus, newKey } from "./focus";
import { ScanLog } from "./log";
import { show, type Shown } from "./panel";
import { ScanQueue, type Entry } from "./queue";
import { boxTable, pathList, stateWord } from "./render";
import { play, wakeSound } from "./sound";
import { canonical, clean, codesIn } from "./text";
import type { BoxView, Place, Verdict, Words } from "./types";

interface NextTube {
  tube: string;
  title: string;
  path: Place[];
  position: string | null;
  box: BoxView | null;
}

interface PickAnswer {
  verdict: Verdict;
  word: string;
  code: string | null;
  title: string | null;
  message: string | null;
  path: Place[];
  position: string | null;
  undo: string | null;
  status: string;
  to_pick: number;
  picked: number;
  total: number;
  following: NextTube | null;
}

const UNAUTHENTICATED = 401;

export function startWalk(): void {
  const root = document.getElementById("walk");
  if (root) new Walk(root).start();
}

class Walk {
  private readonly input = need<HTMLInputElement>("#scan");
  private readonly panel = need("#verdict");
  private readonly banner = need("#offline");
  private readonly words: Words;
  private readonly path: string;
  private readonly log: ScanLog;
  private readonly queue: ScanQueue<Outcome<unknown>>;
  private readonly commands = new Map<string, string>();

  constructor(private readonly root: HTMLElement) {
    this.words = JSON.parse(root.dataset["words"] ?? "") as Words;
    this.path = `/api/v1/pick-lists/${root.dataset["code"] ?? ""}`;
    for (const item of root.querySelectorAll<HTMLElement>("[data-command]")) {
      this.commands.set(canonical(item.dataset["code"] ?? ""), item.dataset["command"] ?? "");
    }
    this.log = new ScanLog(need("#log"), (tube) => this.pushUndo(tube), root.dataset["timeZone"] ?? "");
    this.queue = new ScanQueue<Outcome<unknown>>({
      send: (entry) => post<unknown>(`${this.path}/${entry.kind}`, entry),
      answered: (entry, outcome) => this.answered(entry, outcome),
      changed: () => this.showQueue(),
    });
  }

  start(): void {
    const form = need<HTMLFormElement>("#scan-form");
    form.removeAttribute("method"); // without this script it is posted as any other form
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.take(this.input.value);
    });
    this.input.addEventListener("paste", (event) => this.onPaste(event));
    keepFocus(this.input, "#walk button");
    window.addEventListener("beforeunload", (event) => {
      if (this.queue.size) event.preventDefault();
    });
    this.showQueue();
  }

  private take(raw: string): void {
    window.setTimeout(wakeSound);
    this.input.value = "";
    const text = clean(raw);
    if (!text) return;
    const verb = this.commands.get(canonical(text));
    if (verb === "ack") return this.acknowledge();
    if (verb === "undo") return this.undoLast();
    const entry: Entry = { key: newKey(), kind: "scan", text, body: { text } };
    this.log.add(entry.key, text);
    need("#echo").replaceChildren("read ", el("span", { class: "code" }, grouped(text)));
    this.queue.push(entry);
    if (this.queue.held) play("stop"); // heard without looking: this one waits
  }

  private undoLast(): void {
    const last = this.log.lastUndoable();
    if (last) return this.pushUndo(last.token);
    show(this.panel, { verdict: "warning", word: "Nothing to undo", title: "Nothing was picked at this page." });
    play("warning");
  }

  private pushUndo(tube: string): void {
    const entry: Entry = { key: newKey(), kind: "undo", text: tube, body: { tube } };
    this.log.add(entry.key, tube);
    this.queue.push(entry);
  }

  private answered(entry: Entry, outcome: Outcome<unknown>): void {
    document.getElementById("answered")?.remove();
    this.panel.hidden = false;
    if ("refusal" in outcome) return this.refused(entry, outcome.refusal);
    if (entry.kind === "undo") {
      this.log.markUndone(entry.text);
      // What waits again and where it stands is drawn by the server; the scans that wait are sent before.
      if (this.queue.size === 0) window.location.reload();
      return;
    }
    const answer = outcome.answer as PickAnswer;
    const detail = [answer.position, answer.message].filter(Boolean).join(" · ") || (answer.title ?? "");
    this.log.settle(entry.key, { verdict: answer.verdict, word: answer.word, code: answer.code, detail, undo: answer.undo });
    const shown: Shown = { verdict: answer.verdict, word: answer.word, code: answer.code, title: answer.title, message: answer.message };
    if (answer.verdict === "stop") {
      shown.actions = [{ label: "Acknowledge", primary: true, run: () => this.acknowledge() }];
      this.queue.hold();
    } else if (answer.path.length || answer.position) {
      shown.where = pathList(answer.path, answer.position);
    }
    show(this.panel, shown);
    play(answer.verdict);
    this.showNext(answer);
    this.showQueue();
    if (answer.verdict === "ok" && answer.following && !this.queue.size) void this.refresh();
    if (answer.status === "picked" && answer.verdict !== "stop" && !this.queue.size) {
      window.setTimeout(() => window.location.reload(), 1500); // long enough to be read: the next step is another form
    }
  }

  private refused(entry: Entry, refusal: { status: number; title: string; detail: string }): void {
    const signedOut = refusal.status === UNAUTHENTICATED;
    if (signedOut) this.queue.pushFirst(entry); // nothing was refused but the session: the same scan goes again
    else this.log.settle(entry.key, { verdict: "stop", word: "Stop", code: null, detail: refusal.title, undo: null });
    this.queue.hold();
    show(this.panel, {
      verdict: "stop",
      word: signedOut ? "Signed out" : "Stop",
      code: entry.text,
      title: refusal.title,
      message: signedOut ? "Sign in again in another window, then acknowledge: the scans that wait are sent then." : refusal.detail,
      actions: [{ label: "Acknowledge", primary: true, run: () => this.acknowledge() }],
    });
    play("stop");
    this.showQueue();
  }

  private showNext(answer: PickAnswer): void {
    const next = answer.following;
    need("#next").hidden = !next;
    this.slot("picked").textContent = `${answer.picked} of ${answer.total}`;
    this.slot("left").textContent = `${answer.to_pick} left`;
    if (!next) return;
    this.slot("next-code").textContent = grouped(next.tube);
    this.slot("next-title").textContent = next.title;
    const where = pathList(next.path, next.position) ?? el("p", {}, "It stands in no box: it is in somebody's hands.");
    this.slot("next-path").replaceChildren(where);
    this.slot("next-box").replaceChildren(...(next.box ? [boxTable(next.box, this.words)] : []));
    for (const field of document.querySelectorAll<HTMLInputElement>("[data-slot-value=next]")) field.value = next.tube;
  }

  /** The lines below as the server tells them now; what somebody is typing there is left alone. */
  private async refresh(): Promise<void> {
    const rest = need("#rest");
    if (rest.contains(document.activeElement) || rest.querySelector("details[open]")) return;
    try {
      const page = await (await fetch(window.location.pathname, { credentials: "same-origin" })).text();
      const fresh = new DOMParser().parseFromString(page, "text/html").getElementById("rest");
      if (fresh && !rest.contains(document.activeElement)) rest.replaceWith(fresh);
    } catch {
      return; // the network is gone: the lines stay as they were, the queue says so
    }
  }

  private acknowledge(): void {
    if (this.queue.held) {
      show(this.panel, { verdict: "muted", word: "Ready", title: "Acknowledged. Scan on." });
      this.queue.release();
    }
    this.input.focus();
  }

  private onPaste(event: ClipboardEvent): void {
    const burst = event.clipboardData?.getData("text") ?? "";
    const codes = codesIn(burst);
    if (codes.length < 2 && !/[\r\n]$/.test(burst)) return; // one code without Enter: the person sends it
    event.preventDefault();
    if (codes.length < 2) return this.take(this.input.value + (codes[0] ?? ""));
    wakeSound();
    this.queue.hold();
    show(this.panel, {
      verdict: "stop",
      word: "Two codes at once",
      title: codes.map(grouped).join("  "),
      message: "Nothing was sent. Scan them one by one; cover the other label if the scanner sees both.",
      actions: [{ label: "Acknowledge", primary: true, run: () => this.acknowledge() }],
    });
    play("stop");
  }

  private showQueue(): void {
    const { size, offline, held } = this.queue;
    const scans = `${size} ${size === 1 ? "scan" : "scans"}`;
    this.banner.hidden = !offline;
    const line = offline ? `OFFLINE, ${scans} queued` : "";
    if (this.banner.textContent !== line) this.banner.textContent = line;
    const connection = offline ? stateWord("warning", `Offline · ${size} queued`) : stateWord("ok", `Online · ${size} queued`);
    this.slot("connection").replaceChildren(connection);
    const waiting = this.panel.querySelector("[data-slot=held]");
    if (waiting) waiting.textContent = held && size ? `${scans} ${size === 1 ? "waits" : "wait"}` : "";
  }

  private slot(name: string): HTMLElement {
    return need(`[data-slot="${name}"]`, this.root);
  }
}
