/**
 * The intake, spin and aliquot benches: one input that keeps the focus, a queue behind it, the outcome in front, and what is
 * at hand drawn by the server. What the bench has at hand travels with each scan; the answer brings it back.
 */

import { csrfToken, el, grouped, need } from "../dom";
import { openHelp } from "../page";
import { startClocks } from "./clocks";
import { post, type Outcome, type Refusal } from "../scan/client";
import { keepFocus, newKey } from "../scan/focus";
import { ScanLog } from "../scan/log";
import { show, type Shown } from "../scan/panel";
import { ScanQueue, type Entry } from "../scan/queue";
import { stateWord } from "../scan/render";
import { play, wakeSound } from "../scan/sound";
import { canonical, clean, codesIn } from "../scan/text";
import type { Verdict } from "../scan/types";

interface BenchAnswer {
  verdict: Verdict;
  word: string;
  code: string | null;
  title: string | null;
  message: string | null;
  confirm: string | null;
  command: string | null;
  at: AtHand;
  view: string;
}

/** What the bench has at hand; the server says and reads what it is. */
type AtHand = { held_celsius?: string | null } & Record<string, unknown>;

const PATH = "/api/v1/bench/scan";
const UNAUTHENTICATED = 401;

export function startBench(): void {
  const root = document.getElementById("bench");
  if (root) new Bench(root).start();
}

class Bench {
  private readonly input = need<HTMLInputElement>("#scan");
  private readonly panel = need("#verdict");
  private readonly echo = need("#echo");
  private readonly banner = need("#offline");
  private readonly hand = need("#at-hand");
  private readonly log: ScanLog;
  private readonly queue: ScanQueue<Outcome<BenchAnswer>>;
  private readonly commands = new Map<string, string>();
  private readonly bench: string;
  private at: AtHand;
  private view: string;
  private drawn: Promise<void> = Promise.resolve();
  /** The scan that a question is about; confirming sends it again, as a new request. */
  private question: Entry | null = null;

  constructor(private readonly root: HTMLElement) {
    const data = root.dataset;
    this.bench = data["bench"] ?? "";
    this.at = JSON.parse(data["at"] ?? "{}") as AtHand;
    this.view = data["view"] ?? "";
    for (const item of root.querySelectorAll<HTMLElement>("[data-command]")) {
      this.commands.set(canonical(item.dataset["code"] ?? ""), item.dataset["command"] ?? "");
    }
    this.log = new ScanLog(need("#log"), () => undefined, data["timeZone"] === "UTC" ? "" : (data["timeZone"] ?? ""));
    this.queue = new ScanQueue<Outcome<BenchAnswer>>({
      send: (entry) => this.send(entry),
      answered: (entry, outcome) => this.answered(entry, outcome),
      changed: () => this.showQueue(),
    });
  }

  start(): void {
    need<HTMLFormElement>("#scan-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.take(this.input.value);
    });
    this.input.addEventListener("paste", (event) => this.onPaste(event));
    this.input.addEventListener("keydown", (event) => {
      if (event.key !== "?" || this.input.value) return;
      event.preventDefault();
      openHelp();
    });
    // Buttons among what is at hand come and go with it.
    this.root.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-say]") : null;
      if (!button) return;
      this.take(button.dataset["say"] ?? "");
      this.input.focus({ preventScroll: true });
    });
    keepFocus(this.input, "#bench button");
    window.addEventListener("beforeunload", (event) => {
      if (this.queue.size) event.preventDefault();
    });
    this.remember();
    this.showQueue();
  }

  /** At which temperature tubes were kept is said once: it stays for this person and bench while the window is open. */
  private remember(): void {
    const kept = sessionStorage.getItem(this.store());
    if (!kept || this.at.held_celsius) return;
    this.at = { ...this.at, held_celsius: kept };
    void this.draw(`${this.view}${this.view.endsWith("?") ? "" : "&"}held_celsius=${encodeURIComponent(kept)}`);
  }

  private store(): string {
    return `bench.${this.bench}.held.${this.root.dataset["user"] ?? ""}`;
  }

  /** One code from the input: echoed at once, then a command for the bench or an entry of the queue. */
  private take(raw: string): void {
    window.setTimeout(wakeSound);
    this.input.value = "";
    const text = clean(raw);
    if (!text) return;
    const verb = this.commands.get(canonical(text));
    if (verb === "ack") return this.acknowledge();
    if (verb === "confirm" && this.question) return this.confirm();
    const entry: Entry = { key: newKey(), kind: "scan", text, body: null };
    this.log.add(entry.key, verb ? verb.toUpperCase() : text);
    this.echo.replaceChildren("read ", el("span", { class: "code" }, grouped(text)));
    this.queue.push(entry);
    if (this.queue.held) play("stop"); // heard without looking: this one waits
  }

  private send(entry: Entry): Promise<Outcome<BenchAnswer>> {
    // At hand is what the answers before this one have left behind, not what there was at the moment of the scan.
    entry.body ??= { bench: this.bench, text: entry.text, at: this.at, sure: false };
    return post<BenchAnswer>(PATH, entry);
  }

  private answered(entry: Entry, outcome: Outcome<BenchAnswer>): void {
    if ("refusal" in outcome) return this.refused(entry, outcome.refusal);
    const { answer } = outcome;
    this.at = answer.at;
    if (answer.at.held_celsius) sessionStorage.setItem(this.store(), answer.at.held_celsius);
    else sessionStorage.removeItem(this.store());
    this.log.settle(entry.key, {
      verdict: answer.verdict,
      word: answer.word,
      code: answer.code,
      detail: answer.message ?? answer.title ?? "",
      undo: null,
    });
    if (answer.command === "print") return void this.print();
    this.showAnswer(entry, answer);
    this.drawn = this.draw(answer.view);
  }

  private showAnswer(entry: Entry, answer: BenchAnswer): void {
    const { verdict, word, code, title, message } = answer;
    const shown: Shown = { verdict, word, code, title, message };
    if (answer.confirm) {
      this.question = entry;
      shown.actions = [
        { label: answer.confirm, primary: true, run: () => this.confirm() },
        { label: "Leave it", primary: false, run: () => this.acknowledge() },
      ];
      this.queue.hold();
    } else if (verdict === "stop") {
      shown.actions = [{ label: "Acknowledge", primary: true, run: () => this.acknowledge() }];
      this.queue.hold();
    }
    show(this.panel, shown);
    play(verdict);
    this.showQueue();
  }

  private refused(entry: Entry, refusal: Refusal): void {
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

  private acknowledge(): void {
    this.question = null;
    if (this.queue.held) {
      show(this.panel, { verdict: "muted", word: "Ready", title: "Acknowledged. Scan on." });
      this.queue.release();
    }
    this.input.focus();
  }

  private confirm(): void {
    const asked = this.question;
    if (!asked) return;
    this.question = null;
    const entry: Entry = { key: newKey(), kind: "scan", text: asked.text, body: { ...asked.body, sure: true } };
    this.log.add(entry.key, "CONFIRM");
    this.queue.pushFirst(entry);
    this.queue.release();
    this.input.focus();
  }

  /** What is at hand, drawn by the server; an answer that is overtaken by a later one is not shown. */
  private async draw(view: string): Promise<void> {
    this.view = view;
    try {
      const response = await fetch(view, { headers: { accept: "text/html", "x-csrftoken": csrfToken() }, credentials: "same-origin" });
      if (!response.ok || this.view !== view) return;
      const parsed = new DOMParser().parseFromString(await response.text(), "text/html");
      if (this.view !== view) return;
      this.hand.replaceChildren(...parsed.body.childNodes);
      startClocks(this.hand);
    } catch {
      // The verdict has been shown; the picture follows with the next scan.
    }
  }

  /** The labels of what is at hand, in a window of their own: the bench stays as it is. */
  private async print(): Promise<void> {
    await this.drawn; // what was made just before is at hand only when its picture is there
    const form = this.hand.querySelector<HTMLFormElement>("form[data-print]");
    if (!form) {
      show(this.panel, { verdict: "warning", word: "Nothing to print", title: "No tube at hand waits for its label." });
      play("warning");
      return;
    }
    form.requestSubmit();
    show(this.panel, { verdict: "ok", word: "Printing", title: "Stick the labels on, then scan each vial." });
    play("ok");
    window.setTimeout(() => (this.drawn = this.draw(this.view)), 1500);
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
    need("[data-slot=connection]", this.root).replaceChildren(connection);
    const waiting = this.panel.querySelector("[data-slot=held]");
    if (waiting) waiting.textContent = held && size ? `${scans} ${size === 1 ? "waits" : "wait"}` : "";
  }
}
