/** The scan station: one input that keeps the focus, and what a code from it is. */

import { el, grouped, need } from "../dom";
import { openHelp } from "../page";
import { Bursts } from "./bursts";
import { Collecting } from "./collecting";
import { Devices } from "./devices";
import { Flow } from "./flow";
import { keepFocus } from "./focus";
import { Gate } from "./gate";
import { lookedUp, needsServer } from "./late";
import { keepPage } from "./offline";
import { show } from "./panel";
import * as say from "./questions";
import type { Entry } from "./queue";
import { settings } from "./settings";
import { startSetup } from "./setup";
import { play, wakeSound } from "./sound";
import { canonical, clean, codesIn } from "./text";

const STALE_CHECK = 20_000;
const MINUTE = 60_000;
const PASTED_MANY = 3;

interface Read {
  entry: Entry;
  verb: string | null;
}

export function startStation(): void {
  const root = document.getElementById("station");
  if (root) new Station(root).start();
}

class Station {
  private readonly input = need<HTMLInputElement>("#scan");
  private readonly panel = need("#verdict");
  private readonly echo = need("#echo");
  private readonly commands = new Map<string, string>();
  private readonly bursts: Bursts<Read>;
  private readonly gate: Gate;
  private readonly flow: Flow;
  private readonly collecting: Collecting;

  constructor(private readonly root: HTMLElement) {
    for (const item of root.querySelectorAll<HTMLElement>("[data-command]")) {
      this.commands.set(canonical(item.dataset["code"] ?? ""), item.dataset["command"] ?? "");
    }
    const { panel, input } = this;
    this.flow = new Flow(root, { panel, input, command: (verb) => this.command(verb), way: () => this.gate.way });
    this.collecting = new Collecting(this.flow);
    this.gate = new Gate(panel, need("#self-test"), root.dataset["selfTest"] ?? "", () => this.flow.showHand());
    this.bursts = new Bursts<Read>(
      () => settings().burst,
      (read) => this.taken(read),
      (reads) => this.refusedBurst(reads.map((read) => read.entry.text), reads),
    );
  }

  start(): void {
    need<HTMLFormElement>("#scan-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.take(this.input.value);
    });
    this.input.addEventListener("paste", (event) => this.onPaste(event));
    document.addEventListener("keydown", (event) => this.onKey(event), { capture: true });
    for (const button of this.root.querySelectorAll<HTMLElement>("[data-mode-key]")) {
      button.addEventListener("click", () => this.flow.push(this.flow.entry("mode", button.dataset["modeKey"] ?? this.flow.hand.mode)));
    }
    for (const key of this.root.querySelectorAll<HTMLElement>("[data-pad]")) {
      key.addEventListener("click", () => this.pressed(key.dataset["pad"] ?? ""));
    }
    need("[data-test-scanner]").addEventListener("click", () => this.gate.ask());
    need("[data-end-training]").addEventListener("click", () => this.train(false));
    keepFocus(this.input, "#station button:not([data-free])");
    window.setInterval(() => this.dropStale(), STALE_CHECK);
    startSetup(() => this.flow.showHand());
    if (!this.gate.isOpen) this.gate.ask();
    this.flow.start();
    void keepPage();
    const failed = (title: string, message: string): void => this.flow.say({ verdict: "warning", word: "No scanner", title, message }, "warning");
    new Devices(this.root, (frame) => this.take(frame), failed).start();
  }

  private onKey(event: KeyboardEvent): void {
    this.bursts.key(event);
    if (event.key !== "?" || event.target !== this.input || this.input.value) return;
    event.preventDefault();
    openHelp();
  }

  /** One code from the input: echoed at once, then a command for the station or an entry of the queue. */
  private take(raw: string): void {
    window.setTimeout(wakeSound); // after the echo: starting sound takes longer than showing it
    this.input.value = "";
    if (!this.gate.isOpen) return this.gate.take(raw);
    const codes = codesIn(raw, settings());
    if (codes.length > 1) return this.refusedBurst(codes, []);
    const text = clean(raw, settings());
    if (!text) return;
    const verb = this.commands.get(canonical(text)) ?? null;
    if (this.bursts.isAgain(canonical(text), verb !== null)) {
      this.echo.replaceChildren("again ", el("span", { class: "code" }, grouped(text)), ": the same scan, ignored");
      return play("duplicate");
    }
    this.dropStale();
    this.flow.touched = Date.now();
    const entry = this.flow.entry("scan", text);
    if (!verb) {
      this.flow.log.add(entry.key, text);
      this.echo.replaceChildren("read ", el("span", { class: "code" }, grouped(text)));
    }
    this.bursts.code({ entry, verb });
  }

  private taken({ entry, verb }: Read): void {
    if (verb) {
      if (this.command(verb)) return;
      this.flow.log.add(entry.key, entry.text);
    }
    if (this.collecting.takes(entry.text)) {
      this.flow.log.settle(entry.key, { verdict: "ok", word: "Collected", code: null, detail: "for the new order", undo: null });
      return this.collecting.add(entry.text);
    }
    if (this.flow.deferred && needsServer(this.flow.handNow.mode)) {
      this.flow.log.settle(entry.key, { verdict: "warning", word: "Offline", code: null, detail: "not sent", undo: null });
      return this.flow.say(lookedUp(entry.text, this.flow.boxes, this.flow.clock), "warning");
    }
    this.flow.push(entry);
    if (this.flow.queue.held) play("stop"); // heard without looking: this one waits
  }

  /** Commands that need no server: they must work while the queue is held or the network is gone. */
  private command(verb: string): boolean {
    if (verb === "ack") void this.flow.acknowledge();
    else if (verb === "confirm") this.confirm();
    else if (verb === "undo") this.undo();
    else if (verb === "undo_box") this.flow.undoBox();
    else if (verb === "next") this.next();
    else if (verb === "train") this.train(!this.flow.training);
    else if (this.root.querySelector(`[data-mode-key="${verb}"]`)) this.flow.push(this.flow.entry("mode", verb));
    else return false;
    return true;
  }

  private onPaste(event: ClipboardEvent): void {
    const burst = event.clipboardData?.getData("text") ?? "";
    const codes = codesIn(burst, settings());
    if (codes.length < 2 && !/[\r\n]$/.test(burst)) return; // one code without Enter: the person sends it
    event.preventDefault();
    if (codes.length < 2) return this.take(this.input.value + (codes[0] ?? ""));
    wakeSound();
    if (codes.length < PASTED_MANY || !this.gate.isOpen) return this.refusedBurst(codes, []);
    this.flow.queue.hold();
    this.flow.question = () => {
      for (const text of codes) {
        const entry = this.flow.entry("scan", text);
        this.flow.log.add(entry.key, text);
        this.flow.push(entry);
      }
      this.flow.whenReady(() => this.flow.queue.release());
    };
    this.flow.say(say.pasted(codes, this.flow.choices), "warning");
  }

  private refusedBurst(codes: string[], reads: Read[]): void {
    for (const { entry } of reads) {
      this.flow.log.settle(entry.key, { verdict: "stop", word: "Refused", code: null, detail: "two codes at once", undo: null });
    }
    this.flow.queue.hold();
    this.flow.say(say.twoCodes(codes, this.flow.choices), "stop");
  }

  private confirm(): void {
    if (!this.collecting.send()) this.flow.confirm();
  }

  private undo(): void {
    if (!this.collecting.back()) this.flow.undoLast();
  }

  private next(): void {
    if (!this.collecting.skip()) this.putAside();
  }

  private putAside(): void {
    this.flow.context = null;
    this.flow.hand = { ...this.flow.hand, context: null };
    this.flow.showHand();
    this.flow.say({ verdict: "ok", word: "Put aside", title: "Scan the next one." }, "ok");
  }

  private train(on: boolean): void {
    if (this.flow.queue.size) return this.flow.say({ verdict: "warning", word: "Scans wait", title: "They are sent first." }, "warning");
    this.flow.training = on;
    this.flow.display.training(on);
    this.flow.write(null);
    this.flow.say({ verdict: on ? "warning" : "ok", word: on ? "Training" : "In earnest", title: on ? "Nothing that is scanned is kept." : "Scans count again." }, on ? "warning" : "ok");
  }

  private pressed(key: string): void {
    if (key === "enter") return this.take(this.input.value);
    this.input.value = key === "back" ? this.input.value.slice(0, -1) : this.input.value + key;
  }

  /** A box that was scanned long ago is not the one that somebody comes back with. */
  private dropStale(): void {
    const { minutes } = settings();
    const { box, context, mode } = this.flow.hand;
    if (!minutes || (!box && !context) || this.flow.queue.size || Date.now() - this.flow.touched < minutes * MINUTE) return;
    this.flow.hand = { mode, box: null, context: null, free: null };
    this.flow.context = null;
    this.flow.display.noBox();
    this.flow.showHand();
    this.flow.write(null);
    show(this.panel, { verdict: "warning", word: "Forgotten", title: `${minutes} minutes without a scan: what was at hand is forgotten.`, message: "Scan the box again before its tubes." });
  }
}
