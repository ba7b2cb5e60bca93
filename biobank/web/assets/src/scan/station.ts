/** The scan station: one input that keeps the focus, a queue behind it, and the outcome in front of it. */

import { el, grouped, need } from "../dom";
import { openHelp } from "../page";
import { send, type Outcome } from "./client";
import { keepFocus, newKey } from "./focus";
import { ScanLog } from "./log";
import { places, show, type Shown } from "./panel";
import { ScanQueue, type Entry } from "./queue";
import { boxTable, boxWords, stateWord } from "./render";
import { play, wakeSound } from "./sound";
import { canonical, clean, codesIn } from "./text";
import type { Answer, BoxView, Words } from "./types";

const UNAUTHENTICATED = 401;

export function startStation(): void {
  const root = document.getElementById("station");
  if (root) new Station(root).start();
}

class Station {
  private readonly input = need<HTMLInputElement>("#scan");
  private readonly panel = need("#verdict");
  private readonly echo = need("#echo");
  private readonly banner = need("#offline");
  private readonly words: Words;
  private readonly log: ScanLog;
  private readonly queue: ScanQueue<Outcome>;
  private readonly commands = new Map<string, string>();
  private mode: string;
  private box: string | null;
  private boxName: string;
  private next: string | null;
  /** The scan a question is about; confirming sends it again, as a new request. */
  private question: Entry | null = null;

  constructor(private readonly root: HTMLElement) {
    const data = root.dataset;
    this.words = JSON.parse(data["words"] ?? "") as Words;
    this.mode = data["mode"] ?? "find";
    this.box = data["box"] || null;
    this.boxName = this.slot("box-name").textContent ?? "";
    this.next = data["next"] || null;
    for (const item of root.querySelectorAll<HTMLElement>("[data-command]")) {
      this.commands.set(canonical(item.dataset["code"] ?? ""), item.dataset["command"] ?? "");
    }
    this.log = new ScanLog(need("#log"), (token, code) => this.pushUndo(token, code), data["timeZone"] ?? "");
    this.queue = new ScanQueue<Outcome>({
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
    for (const button of this.root.querySelectorAll<HTMLElement>("[data-mode-key]")) {
      button.addEventListener("click", () => this.push("mode", button.dataset["modeKey"] ?? this.mode));
    }
    keepFocus(this.input, "#station button");
    window.addEventListener("beforeunload", (event) => {
      if (this.queue.size) event.preventDefault();
    });
    this.showContext();
    this.showQueue();
  }

  /** One code from the input: echoed at once, then a command for the station or an entry of the queue. */
  private take(raw: string): void {
    window.setTimeout(wakeSound); // after the echo: starting sound takes longer than showing it
    this.input.value = "";
    const text = clean(raw);
    if (!text) return;
    const verb = this.commands.get(canonical(text));
    if (verb && this.command(verb)) return;
    this.push("scan", text);
    if (this.queue.held) play("stop"); // heard without looking: this one waits
  }

  /** Commands that need no server: they must work while the queue is held or the network is gone. */
  private command(verb: string): boolean {
    if (verb === "ack") this.acknowledge();
    else if (verb === "confirm") this.confirm();
    else if (verb === "undo") this.pushUndo(null, "last scan");
    else return false;
    return true;
  }

  private push(kind: Entry["kind"], text: string): void {
    const entry: Entry = { key: newKey(), kind, text, body: null };
    if (kind === "scan") {
      this.log.add(entry.key, text);
      this.echo.replaceChildren("read ", el("span", { class: "code" }, grouped(text)));
    }
    this.queue.push(entry);
  }

  private pushUndo(token: string | null, code: string): void {
    const entry: Entry = { key: newKey(), kind: "undo", text: code, body: token ? { undo: token } : null };
    this.log.add(entry.key, `Undo ${code}`);
    this.queue.push(entry);
  }

  private async send(entry: Entry): Promise<Outcome> {
    if (entry.kind === "mode") return { answer: local({ mode: entry.text }) };
    if (entry.kind === "undo") {
      const last = this.log.lastUndoable();
      if (!entry.body && !last) {
        const title = "There is nothing to undo at this station.";
        return { answer: local({ verdict: "warning", word: "Nothing to undo", title, mode: this.mode }) };
      }
      entry.body ??= { undo: last?.token };
      return send("undo", entry);
    }
    // Mode and box are those the answers before this one have left behind, not those of the moment of the scan.
    entry.body ??= { text: entry.text, mode: this.mode, box: this.box, move: false };
    return send("scan", entry);
  }

  private answered(entry: Entry, outcome: Outcome): void {
    if ("refusal" in outcome) {
      this.refused(entry, outcome.refusal);
      return;
    }
    const { answer } = outcome;
    this.mode = answer.mode || this.mode;
    if (answer.box) this.showBox(answer.box);
    if (answer.next) this.next = answer.next;
    this.showContext();
    if (entry.kind === "mode") return;
    if (entry.kind === "undo" && answer.verdict !== "stop") this.log.markUndone(String(entry.body?.["undo"] ?? ""));
    const detail = [answer.position, answer.message].filter(Boolean).join(" · ") || (answer.title ?? "");
    this.log.settle(entry.key, { verdict: answer.verdict, word: answer.word, code: answer.code, detail, undo: answer.undo });
    if (answer.command && this.command(answer.command)) return;
    this.showAnswer(entry, answer);
  }

  private showAnswer(entry: Entry, answer: Answer): void {
    const shown: Shown = { verdict: answer.verdict, word: answer.word, code: answer.code, title: answer.title, message: answer.message };
    if (answer.confirm) {
      this.question = { ...entry, body: { ...entry.body, [answer.confirm]: true } };
      shown.where = places(answer, [grouped(this.boxName), this.next].filter(Boolean).join(" / "));
      shown.actions = [
        { label: answer.confirm === "move" ? "Move it here" : "That place is empty: move it here", primary: answer.confirm === "move", run: () => this.confirm() },
        { label: "Leave it there", primary: answer.confirm !== "move", run: () => this.acknowledge() },
      ];
      if (answer.confirm === "first_in_hand" && answer.href) shown.link = { label: "Two tubes: give this one its own id", href: answer.href };
      this.queue.hold();
    } else if (answer.verdict === "stop") {
      shown.where = places(answer, null);
      shown.actions = [{ label: "Acknowledge", primary: true, run: () => this.acknowledge() }];
      this.queue.hold();
    } else {
      shown.where = places(answer, null);
    }
    show(this.panel, shown);
    play(answer.verdict);
    this.showQueue();
  }

  private refused(entry: Entry, refusal: { status: number; title: string; detail: string }): void {
    const signedOut = refusal.status === UNAUTHENTICATED;
    if (signedOut) this.queue.pushFirst(entry); // nothing was refused but the session: the same scan goes again
    else this.log.settle(entry.key, { verdict: "stop", word: "Stop", code: null, detail: refusal.title, undo: null });
    this.queue.hold();
    show(this.panel, {
      verdict: "stop",
      word: signedOut ? "Signed out" : "Stop",
      code: entry.kind === "scan" ? entry.text : null,
      title: refusal.title,
      message: signedOut ? "Sign in again in another window, then acknowledge: the scans that wait are sent then." : refusal.detail,
      actions: [{ label: "Acknowledge", primary: true, run: () => this.acknowledge() }],
    });
    play("stop");
    this.showQueue();
  }

  /** A STOP was seen, or a question answered with no. */
  private acknowledge(): void {
    const left = this.question !== null;
    this.question = null;
    if (this.queue.held) {
      show(this.panel, { verdict: "muted", word: "Ready", title: left ? "Left where it is. Scan on." : "Acknowledged. Scan on." });
      this.queue.release();
    }
    this.input.focus();
  }

  private confirm(): void {
    const asked = this.question;
    if (!asked) {
      show(this.panel, { verdict: "warning", word: "Nothing to confirm", title: "No question is open at this station." });
      play("warning");
      return;
    }
    this.question = null;
    const entry: Entry = { key: newKey(), kind: "scan", text: asked.text, body: { ...asked.body } };
    this.log.add(entry.key, asked.text);
    this.queue.pushFirst(entry);
    this.queue.release();
    this.input.focus();
  }

  private onPaste(event: ClipboardEvent): void {
    const burst = event.clipboardData?.getData("text") ?? "";
    const codes = codesIn(burst);
    if (codes.length < 2 && !/[\r\n]$/.test(burst)) return; // one code without Enter: the person sends it
    event.preventDefault();
    if (codes.length < 2) {
      this.take(this.input.value + (codes[0] ?? ""));
      return;
    }
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

  private showBox(box: BoxView): void {
    this.box = box.code;
    this.boxName = box.name;
    this.next = box.cells.find((cell) => cell.state === "next")?.label ?? null; // none: the box is full
    need("#box").hidden = false;
    this.slot("box-name").textContent = grouped(box.name);
    this.slot("box-words").replaceChildren(boxWords(box, this.words));
    this.slot("box-table").replaceChildren(boxTable(box, this.words));
  }

  private showContext(): void {
    this.root.dataset["mode"] = this.mode;
    for (const button of this.root.querySelectorAll<HTMLElement>("[data-mode-key]")) {
      button.setAttribute("aria-pressed", String(button.dataset["modeKey"] === this.mode));
    }
    this.slot("context-box").textContent = this.box ? grouped(this.box) : "scan a box";
    this.slot("context-next").textContent = this.next ?? "–";
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

/** An answer the station gives itself. */
function local(part: Partial<Answer>): Answer {
  return {
    verdict: "ok",
    word: "",
    code: null,
    title: null,
    message: null,
    path: [],
    position: null,
    href: null,
    mode: "",
    box: null,
    next: null,
    confirm: null,
    undo: null,
    command: null,
    ...part,
  };
}
