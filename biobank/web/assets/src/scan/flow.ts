/** The work of a station: scans in their order, what is at hand, the answers, and what is written down of all that. */

import { grouped, need } from "../dom";
import { send, session, type Outcome, type Refusal } from "./client";
import { serverNow } from "./clock";
import { Conflicts, dropped, type Conflict } from "./conflicts";
import { Display } from "./display";
import { newKey } from "./focus";
import { answered, entered, Hands, type AtHand } from "./hands";
import { chooseStation, userHere } from "./identity";
import { InHand } from "./inhand";
import { Keeper, type KnownBox } from "./keeper";
import { waits, withWaiting } from "./late";
import { ScanLog } from "./log";
import { Neighbours } from "./neighbours";
import { show, type Shown } from "./panel";
import * as say from "./questions";
import { ScanQueue, type Entry } from "./queue";
import { reasonOf, tellReason } from "./said";
import { play } from "./sound";
import type { Page, State } from "./state";
import type { Answer, Context, Words } from "./types";
import { together, tokenOf, undoBody, undone } from "./undoing";

const UNAUTHENTICATED = 401;
const FORBIDDEN = 403;

export class Flow {
  readonly log: ScanLog;
  readonly queue: ScanQueue<Outcome>;
  readonly display: Display;
  readonly clock: Intl.DateTimeFormat;
  readonly inHand = new InHand();
  readonly choices = { yes: () => this.confirm(), no: () => void this.acknowledge() };
  boxes = new Map<string, KnownBox>();
  hand: AtHand;
  context: Context | null = null;
  training = false;
  touched = Date.now();
  collected: string[] = [];
  /** A question that is open: what a yes does. */
  question: (() => void) | null = null;
  private readonly conflicts: Conflicts;
  private readonly neighbours = new Neighbours(need("[data-slot=neighbours]"), this);
  private readonly user: string;
  private keeper: Keeper<State> | null = null;
  private ready: Promise<void> = Promise.resolve();
  private signedOut = false;
  private wasDeferred = false;

  constructor(
    private readonly root: HTMLElement,
    private readonly page: Page,
  ) {
    const data = root.dataset;
    this.hand = { mode: data["mode"] ?? "find", box: data["box"] || null, context: null, free: data["free"]?.split(" ").filter(Boolean) ?? null };
    this.user = userHere(data["user"] ?? "");
    const zone = data["timeZone"] ?? "";
    this.clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", ...(zone ? { timeZone: zone } : {}) });
    this.display = new Display(root, page.panel, JSON.parse(data["words"] ?? "") as Words);
    this.log = new ScanLog(need("#log"), (token, code) => this.pushUndo(token, code), zone);
    this.conflicts = new Conflicts({ again: (one, yes) => this.tryAgain(one, yes), drop: (one, why) => this.drop(one, why) }, this.clock);
    this.queue = new ScanQueue<Outcome>({
      send: (entry) => this.send(entry),
      answered: (entry, outcome) => this.answered(entry, outcome),
      changed: () => this.changed(),
    });
  }

  start(): void {
    window.addEventListener("beforeunload", (event) => {
      if (this.queue.size && !this.keeper?.lasting) event.preventDefault();
    });
    this.showHand();
    this.changed();
    this.ready = this.resume();
    this.inHand.soon();
  }

  /** When what an earlier life of the tab left behind is back in the queue. */
  whenReady(then: () => void): void {
    void this.ready.then(then);
  }

  /** Go on where an earlier life of this tab, or one that died, has stopped. */
  private async resume(): Promise<void> {
    const keeper = await Keeper.start<State>(this.user);
    const { entries, state } = await keeper.become(await chooseStation(keeper));
    this.boxes = await keeper.boxes();
    this.keeper = keeper;
    const others = [...(await keeper.ofOthers())].map(([user, count]) => `${count} of ${user}`).join(", ");
    need("[data-slot=others]").textContent = others ? `Scans of others wait here: ${others}. They sign in to send them.` : "";
    if (state) {
      if (entries.length || !window.location.search) {
        ({ hand: this.hand, context: this.context, training: this.training, touched: this.touched } = state);
        this.collected = state.collected ?? [];
      }
      this.log.restore(state.lines);
      this.conflicts.restore(state.conflicts);
    }
    for (const entry of entries) {
      if (entry.kind === "mode") continue;
      this.log.add(entry.key, entry.kind === "scan" ? entry.text : `Undo ${entry.text}`, entry.at);
      entry.late ??= entry.body === null;
    }
    this.freeze(entries);
    this.display.training(this.training);
    this.showBoxAtHand(entries);
    this.queue.restore(entries);
    this.showHand();
  }

  entry(kind: Entry["kind"], text: string, body: Entry["body"] = null): Entry {
    return { key: newKey(), kind, text, body, at: serverNow(), by: this.user };
  }

  /** Written down, then into the queue, in the order in which the hands scanned: what counts as queued outlives the tab. */
  push(entry: Entry): void {
    this.ready = this.ready.then(async () => {
      await this.keeper?.keep(entry);
      const late = this.deferred;
      this.queue.push(entry);
      if (late) this.freeze(this.queue.waiting);
      if (!late) return;
      if (entry.kind === "scan") this.say(waits(entry, this.display.boxName), "ok");
      this.showBoxAtHand(this.queue.waiting);
      this.showHand();
    });
  }

  private pushUndo(token: string | null, code: string): void {
    const entry = this.entry("undo", code, token ? undoBody(token, this.user) : null);
    this.log.add(entry.key, `Undo ${code}`);
    this.push(entry);
  }

  /** A scan that was not sent yet is taken out of the queue; what was done is undone by a deed of its own. */
  undoLast(): void {
    this.whenReady(() => this.undoNow());
  }

  private undoNow(): void {
    const withdrawn = this.deferred ? this.queue.withdrawLast() : null;
    if (!withdrawn) return this.pushUndo(null, "last scan");
    this.log.remove(withdrawn.key);
    this.write(withdrawn.key);
    this.showBoxAtHand(this.queue.waiting);
    this.showHand();
    this.say({ verdict: "muted", word: "Taken back", code: withdrawn.text, title: "It was not sent." }, "ok");
  }

  undoBox(): void {
    if (!this.hand.box) return this.say(say.NO_BOX, "warning");
    const entry = this.entry("undo-box", this.hand.box);
    this.log.add(entry.key, `Undo box ${grouped(this.hand.box)}`);
    this.push(entry);
  }

  private async send(entry: Entry): Promise<Outcome> {
    const { kind } = entry;
    if (kind === "mode") return { answer: say.local({ mode: entry.text }) };
    if (kind === "undo" && !entry.body) {
      const last = this.log.lastUndoable();
      if (!last) {
        const title = this.log.lastIsFinal ? "The last deed is corrected on its own page, not here." : "There is nothing to undo at this station.";
        return { answer: say.local({ verdict: "warning", word: "Nothing to undo", title }) };
      }
      entry.body = undoBody(last.token, this.user);
    }
    if (kind === "undo-box" && !entry.body) {
      const undos = together(this.log.undoableOf(entry.text));
      if (!undos.length) return { answer: say.local({ verdict: "warning", word: "Nothing to undo", title: "This station put nothing into this box." }) };
      entry.body = { box: entry.text, undos };
    }
    // Mode and box are those the answers before this one have left behind, not those of the moment of the scan.
    entry.body ??= this.body(entry.text);
    await this.keeper?.keep(entry);
    return send(kind, entry);
  }

  body(text: string): Record<string, unknown> {
    const { mode, box, context, last } = this.hand;
    return {
      ...{ text, mode, box, context },
      move: false,
      made_by: this.user || null,
      ...(last ? { last } : {}),
      ...reasonOf(mode),
      ...(this.training ? { dry_run: true } : {}),
    };
  }

  private answered(entry: Entry, outcome: Outcome): void {
    if ("refusal" in outcome) return this.refused(entry, outcome.refusal);
    const { answer } = outcome;
    this.follow(entry, answer);
    if (answer.box) this.opened(answer);
    if (entry.kind !== "mode") this.told(entry, answer);
    else if (!this.deferred) show(this.page.panel, { verdict: "ok", word: this.modeTitle, title: "Scan on." });
    this.showHand();
    const written = this.write(entry.key);
    this.inHand.soon();
    // Only when it is written down that this was answered: the page that comes back must not lead away again.
    if (answer.go && answer.href && !this.queue.size) void written.then(() => window.location.assign(answer.href ?? ""));
  }

  /** What is at hand after an answer; after a scan that waited, what was at hand when it was made. */
  private follow(entry: Entry, answer: Answer): void {
    if (entry.kind === "mode") {
      this.hand = entered(this.hand, entry.text);
      this.context = null;
      this.collected = [];
      tellReason("");
      return;
    }
    if (entry.late && entry.kind === "scan") {
      const after = new Hands(this.hand, this.boxes);
      after.follow(entry);
      this.hand = after.now;
    }
    this.context = answer.context ?? this.context;
    this.hand = answered(this.hand, answer, this.context);
    tellReason(answer.reason);
  }

  private opened(answer: Answer): void {
    const box = answer.box!;
    const free = answer.free ?? box.cells.filter((cell) => ["free", "next"].includes(cell.state)).map((cell) => cell.label);
    if (!answer.look) this.hand = { ...this.hand, box: box.code, free };
    if (!this.training) {
      const known = { code: box.code, box, free, at: serverNow() };
      this.boxes.set(box.code, known);
      void this.keeper?.remember(known);
    }
    if (box.code === this.hand.box) this.neighbours.shown();
    if (this.deferred) this.showBoxAtHand(this.queue.waiting);
    else this.display.box(box);
  }

  private told(entry: Entry, answer: Answer): void {
    if (entry.late && (answer.verdict === "stop" || answer.confirm)) {
      return this.undecided(entry, (answer.confirm ? null : answer.title) ?? answer.word, answer.message ?? "", answer.confirm);
    }
    if (entry.kind !== "scan" && answer.verdict !== "stop") {
      undone(entry).forEach((token) => this.log.markUndone(token));
    }
    const detail = [answer.position, answer.message].filter(Boolean).join(" · ") || (answer.title ?? "");
    const undo = tokenOf(entry, answer);
    const { verdict, word, code, final } = answer;
    this.log.settle(entry.key, { verdict, word, code, detail, undo, final, box: answer.box?.code ?? null });
    if (answer.command && this.page.command(answer.command)) return;
    if (!this.deferred) this.showAnswer(entry, answer);
  }

  private showAnswer(entry: Entry, answer: Answer): void {
    const { confirm } = answer;
    let shown = say.outcome(answer);
    if (confirm) {
      this.question = () => this.pushFirst(entry, confirm === "remap" ? { digest: answer.digest } : { [confirm]: true });
      shown = say.question(answer, [grouped(this.display.boxName), this.hand.free?.[0]].filter(Boolean).join(" / "), this.choices);
    } else if (answer.verdict === "stop") {
      shown.actions = say.acknowledged(this.choices);
    }
    if (confirm || answer.verdict === "stop") this.queue.hold();
    this.say(shown, answer.verdict);
    this.changed();
  }

  private pushFirst(asked: Entry, change: Record<string, unknown>): void {
    if (change["digest"]) this.collected = [];
    const entry = this.entry("scan", asked.text, { ...asked.body, ...change });
    this.log.add(entry.key, asked.text);
    void this.keeper?.keep(entry, true);
    this.queue.pushFirst(entry);
    this.queue.release();
  }

  private refused(entry: Entry, refusal: Refusal): void {
    const code = entry.kind === "scan" ? entry.text : null;
    const another = refusal.problem === "scan-of-another";
    // Nothing was refused but the session, or the token of a page that is kept: the same scan goes again.
    this.signedOut = another || refusal.status === UNAUTHENTICATED || (refusal.status === FORBIDDEN && refusal.problem !== "forbidden");
    if (this.signedOut) {
      this.queue.pushFirst(entry);
      this.queue.hold();
      this.say(say.signedOut(this.user, another ? "Somebody else" : null, code, this.choices), "stop");
      return this.changed();
    }
    this.write(entry.key);
    if (entry.late) return this.undecided(entry, refusal.title, refusal.detail, null);
    this.log.settle(entry.key, { verdict: "stop", word: "Stop", code: null, detail: refusal.title, undo: null });
    this.queue.hold();
    this.say(say.refusal(code, refusal, this.choices), "stop");
    this.changed();
  }

  /** A scan that was made offline and refused: it waits for a decision, and holds nothing up. */
  private undecided(entry: Entry, title: string, message: string, confirm: Answer["confirm"]): void {
    this.log.settle(entry.key, { verdict: "warning", word: "Decide", code: null, detail: title, undo: null });
    const { key, text, body, at } = entry;
    if (entry.kind === "scan") this.conflicts.add({ key, text, body: body ?? {}, at: at ?? serverNow(), title, message, confirm });
    this.write(null);
    play("warning");
  }

  private tryAgain(conflict: Conflict, yes: boolean): void {
    const body = yes && conflict.confirm ? { ...conflict.body, [conflict.confirm]: true } : { ...conflict.body };
    const entry: Entry = { ...this.entry("scan", conflict.text, body), at: conflict.at, late: true };
    this.log.add(entry.key, conflict.text);
    this.push(entry);
    this.write(null);
  }

  private drop(conflict: Conflict, reason: string): void {
    void dropped(conflict, reason).then((noted) => {
      if (!noted) this.conflicts.add(conflict); // not on record, so not dropped
      void this.write(null);
    });
  }

  /** A STOP was seen, or a question answered with no. */
  async acknowledge(): Promise<void> {
    const left = this.question !== null;
    this.question = null;
    this.page.input.focus();
    if (!this.queue.held) return;
    if (this.signedOut) {
      const now = await session();
      if (!now || (this.user && now.username !== this.user)) return this.say(say.signedOut(this.user, now?.username ?? null, null, this.choices), "stop");
      this.signedOut = false;
    }
    show(this.page.panel, { verdict: "muted", word: "Ready", title: left ? "Left as it is. Scan on." : "Acknowledged. Scan on." });
    this.queue.release();
  }

  confirm(): void {
    const asked = this.question;
    if (!asked) return this.say(say.NO_QUESTION, "warning");
    this.question = null;
    asked();
    this.page.input.focus();
  }

  say(shown: Shown, sound: Answer["verdict"]): void {
    show(this.page.panel, shown);
    play(sound);
  }

  /** Whether what is scanned now waits behind scans that were made offline. */
  get deferred(): boolean {
    return this.queue.offline || this.queue.waiting.some((entry) => entry.late);
  }

  /** What the hands have in front of them now, when all that waits is done. */
  get handNow(): AtHand {
    const hands = new Hands(this.hand, this.boxes);
    this.queue.waiting.forEach((entry) => hands.follow(entry));
    return hands.now;
  }

  /** Say of scans that wait what was at hand when they were made, so that they are sent as the hands meant them. */
  private freeze(waiting: readonly Entry[]): void {
    const hands = new Hands(this.hand, this.boxes);
    for (const entry of waiting) {
      const body = hands.follow(entry);
      if (entry.kind !== "scan" || entry.body || !body) continue;
      entry.body = { ...this.body(entry.text), ...body, scanned_at: new Date(entry.at ?? serverNow()).toISOString() };
      entry.late = true;
      this.log.note(entry.key, body["position"] ? `goes into ${String(body["position"])}` : "kept");
      void this.keeper?.keep(entry);
    }
  }

  changed(): void {
    if (this.queue.offline) this.freeze(this.queue.waiting);
    const { size, offline, held } = this.queue;
    if (this.wasDeferred && !size && !offline) this.caughtUp();
    this.wasDeferred = this.deferred;
    this.display.connection({ size, offline, held, lasting: this.keeper?.lasting ?? false });
  }

  /** All that waited was sent: from here on the map is what the server says. */
  private caughtUp(): void {
    const known = this.boxes.get(this.hand.box ?? "");
    if (known) {
      this.hand = { ...this.hand, free: [...known.free] };
      this.display.box(known.box);
    }
    this.showHand();
    const open = this.conflicts.all.length;
    const title = open ? `${open} of them ${open === 1 ? "was" : "were"} refused: decide in their list.` : "What waited is recorded.";
    this.say({ verdict: open ? "warning" : "ok", word: "All sent", title }, open ? "warning" : "ok");
  }

  showHand(): void {
    const hand = this.deferred ? this.handNow : this.hand;
    this.display.hand(hand, hand.context === this.context?.code ? this.context : null);
    this.display.scanner(this.page.way());
    this.neighbours.follow(this.deferred || !this.page.way() ? null : hand.box);
  }

  private showBoxAtHand(waiting: readonly Entry[]): void {
    const hands = new Hands(this.hand, this.boxes);
    waiting.forEach((entry) => hands.follow(entry));
    const known = this.boxes.get(hands.now.box ?? "");
    if (known) this.display.box(withWaiting(known.box, hands.waitingIn(known.code), hands.next));
  }

  private get modeTitle(): string {
    return this.root.querySelector(`[data-mode-key="${this.hand.mode}"]`)?.textContent?.trim() ?? this.hand.mode;
  }

  async write(key: string | null): Promise<void> {
    const { hand, context, training, touched, collected } = this;
    await this.keeper?.settle(key, { hand, context, training, touched, collected, lines: this.log.lines, conflicts: this.conflicts.all });
  }
}
