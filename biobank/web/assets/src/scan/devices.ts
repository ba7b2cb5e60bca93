/** Scanners that are no keyboard: the camera, and USB or serial scanners that the browser reads itself. */

import { need } from "../dom";
import type { Camera } from "../camera";

const HID_POS = 0x8c;
const BAUD = 9600;
const AIM_BYTES = 4; // the length, then the AIM identifier
/** A code that was out of the camera's sight for so long is a new scan. */
const OUT_OF_SIGHT = 1500;

interface HidReport {
  data: DataView;
}

interface HidDevice extends EventTarget {
  opened: boolean;
  open(): Promise<void>;
}

interface SerialPort {
  open(options: { baudRate: number }): Promise<void>;
  readable: ReadableStream<Uint8Array> | null;
}

interface Ports {
  hid?: EventTarget & {
    requestDevice(options: { filters: { usagePage: number }[] }): Promise<HidDevice[]>;
    getDevices(): Promise<(HidDevice & { collections?: { usagePage: number }[] })[]>;
  };
  serial?: { requestPort(): Promise<SerialPort>; getPorts(): Promise<SerialPort[]> };
}

const NAMES = { hid: "USB scanner", serial: "Serial scanner" };

/** What came in one go: one code, or more, which are then refused. */
type Take = (frame: string) => void;

export class Devices {
  private camera: Camera | null = null;
  private seen = new Map<string, number>();

  constructor(
    private readonly root: HTMLElement,
    private readonly take: Take,
    private readonly failed: (title: string, message: string) => void,
  ) {}

  start(): void {
    const ports = navigator as unknown as Ports;
    this.offer("camera", "mediaDevices" in navigator, () => this.toggleCamera());
    this.offer("hid", ports.hid !== undefined, async () => this.readHid((await ports.hid?.requestDevice({ filters: [{ usagePage: HID_POS }] }))?.[0]));
    this.offer("serial", ports.serial !== undefined, async () => this.readSerial(await ports.serial?.requestPort()));
    void this.again(ports).catch(() => undefined); // nothing was allowed here before
  }

  /** A scanner that was chosen at this computer before is used again without a mouse. */
  private async again(ports: Ports): Promise<void> {
    const known = (await ports.hid?.getDevices()) ?? [];
    const scanner = known.find((one) => one.collections?.some((part) => part.usagePage === HID_POS));
    if (scanner) await this.readHid(scanner);
    ports.hid?.addEventListener("disconnect", () => this.gone("hid"));
    const [port] = (await ports.serial?.getPorts()) ?? [];
    if (port) await this.readSerial(port).catch((error: unknown) => this.failed("The scanner cannot be used", String(error)));
  }

  private offer(name: string, there: boolean, open: () => Promise<void>): void {
    const button = need(`[data-device="${name}"]`, this.root);
    button.hidden = !there;
    button.addEventListener("click", () => {
      open().catch((error: unknown) => this.failed("The scanner cannot be used", String(error instanceof Error ? error.message : error)));
    });
  }

  private async toggleCamera(): Promise<void> {
    const panel = need("#camera");
    const button = need('[data-device="camera"]', this.root);
    if (this.camera) {
      this.camera.stop();
      this.camera = null;
      panel.hidden = true;
      button.textContent = "Camera";
      return;
    }
    await script(this.root.dataset["cameraScript"] ?? "");
    panel.hidden = false;
    button.textContent = "Stop the camera";
    try {
      this.camera = (await window.biobankCamera?.(need<HTMLVideoElement>("video", panel), this.root.dataset["cameraWasm"] ?? "", (codes) => this.saw(codes))) ?? null;
    } catch (error) {
      panel.hidden = true;
      button.textContent = "Camera";
      throw error;
    }
  }

  /** Codes in one picture. One that stays in sight is one scan; two at once are refused as from any other scanner. */
  private saw(codes: string[]): void {
    const now = performance.now();
    for (const [code, at] of this.seen) if (now - at > OUT_OF_SIGHT) this.seen.delete(code);
    const fresh = codes.filter((code) => !this.seen.has(code));
    codes.forEach((code) => this.seen.set(code, now));
    if (fresh.length) this.take(codes.join("\n"));
  }

  private async readHid(device: HidDevice | undefined): Promise<void> {
    if (!device) return;
    if (!device.opened) await device.open();
    device.addEventListener("inputreport", (event) => {
      const { data } = event as unknown as HidReport;
      const length = data.getUint8(0);
      const bytes = new Uint8Array(data.buffer, data.byteOffset + AIM_BYTES, Math.min(length, data.byteLength - AIM_BYTES));
      this.take(new TextDecoder().decode(bytes));
    });
    this.connected("hid");
  }

  private async readSerial(port: SerialPort | undefined): Promise<void> {
    if (!port) return;
    await port.open({ baudRate: BAUD });
    this.connected("serial");
    const reader = port.readable?.pipeThrough(new TextDecoderStream() as unknown as ReadableWritablePair<string, Uint8Array>).getReader();
    let rest = "";
    for (;;) {
      const part = await reader?.read().catch(() => undefined); // unplugged
      if (!part || part.done) return this.gone("serial");
      rest += part.value;
      const end = Math.max(rest.lastIndexOf("\r"), rest.lastIndexOf("\n"));
      if (end < 0) continue;
      this.take(rest.slice(0, end));
      rest = rest.slice(end + 1);
    }
  }

  private connected(name: keyof typeof NAMES): void {
    need(`[data-device="${name}"]`, this.root).textContent = "Scanner connected";
  }

  private gone(name: keyof typeof NAMES): void {
    const button = need(`[data-device="${name}"]`, this.root);
    if (button.textContent === NAMES[name]) return;
    button.textContent = NAMES[name];
    this.failed(`The ${NAMES[name]} is gone`, `Plug it in again and press "${NAMES[name]}" under "Set up this computer", or scan as a keyboard.`);
  }
}

function script(address: string): Promise<void> {
  if (window.biobankCamera) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const element = document.createElement("script");
    element.src = address;
    element.onload = () => resolve();
    element.onerror = () => reject(new Error("The camera's reader could not be loaded: it needs the network the first time."));
    document.head.append(element);
  });
}
