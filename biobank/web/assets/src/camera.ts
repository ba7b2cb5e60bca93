/**
 * The camera as a scanner: fetched only when somebody asks for it. The browser's own reader is used where there is one; else zxing as
 * WebAssembly, which reads the small Data Matrix codes of caps.
 */

import { prepareZXingModule, readBarcodes } from "zxing-wasm/reader";

interface NativeReader {
  detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}

interface NativeReaders {
  new (options: { formats: string[] }): NativeReader;
  getSupportedFormats(): Promise<string[]>;
}

type Reader = (video: HTMLVideoElement) => Promise<string[]>;

export interface Camera {
  stop(): void;
}

declare global {
  interface Window {
    BarcodeDetector?: NativeReaders;
    biobankCamera?: (video: HTMLVideoElement, wasm: string, read: (codes: string[]) => void) => Promise<Camera>;
  }
}

const EVERY = 120;
const WIDEST = 960;
const NATIVE = ["data_matrix", "code_128", "qr_code"];

async function native(): Promise<Reader | null> {
  const readers = window.BarcodeDetector;
  if (!readers) return null;
  const known = await readers.getSupportedFormats();
  if (!NATIVE.every((format) => known.includes(format))) return null;
  const reader = new readers({ formats: NATIVE });
  return async (video) => (await reader.detect(video)).map((found) => found.rawValue);
}

async function zxing(wasm: string): Promise<Reader> {
  await prepareZXingModule({ overrides: { locateFile: () => wasm }, fireImmediately: true });
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return async (video) => {
    const scale = Math.min(1, WIDEST / video.videoWidth);
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    if (!context || !canvas.width) return [];
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    const picture = context.getImageData(0, 0, canvas.width, canvas.height);
    const found = await readBarcodes(picture, { formats: ["DataMatrix", "Code128", "QRCode"], tryHarder: true, maxNumberOfSymbols: 2 });
    return found.filter((one) => one.isValid).map((one) => one.text);
  };
}

window.biobankCamera = async (video, wasm, read) => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } }, audio: false });
  video.srcObject = stream;
  await video.play();
  const reader = (await native()) ?? (await zxing(wasm));
  let open = true;
  const look = async (): Promise<void> => {
    if (!open) return;
    try {
      read([...new Set(await reader(video))]);
    } catch {
      // a frame that cannot be read; the next one comes
    }
    window.setTimeout(() => void look(), EVERY);
  };
  void look();
  return {
    stop: () => {
      open = false;
      stream.getTracks().forEach((track) => track.stop());
      video.srcObject = null;
    },
  };
};
