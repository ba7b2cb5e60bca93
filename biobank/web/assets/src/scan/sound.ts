/** A different sound for each verdict, told apart without looking: by pitch, by number, by length. */

import type { Verdict } from "./types";

interface Tone {
  hertz: number;
  milliseconds: number;
  shape: OscillatorType;
  times: number;
}

const TONES: Record<Verdict, Tone> = {
  ok: { hertz: 1320, milliseconds: 90, shape: "sine", times: 1 },
  duplicate: { hertz: 880, milliseconds: 80, shape: "sine", times: 2 },
  warning: { hertz: 330, milliseconds: 350, shape: "triangle", times: 1 },
  stop: { hertz: 180, milliseconds: 900, shape: "square", times: 1 },
};
const GAP = 70;

let context: AudioContext | null = null;

/** Browsers allow sound only after a key or a click; called on the first scan. */
export function wakeSound(): void {
  context ??= "AudioContext" in window ? new AudioContext() : null;
  if (context?.state === "suspended") void context.resume();
}

export function play(verdict: Verdict): void {
  if (!context) return;
  const tone = TONES[verdict];
  for (let count = 0; count < tone.times; count += 1) {
    const start = context.currentTime + (count * (tone.milliseconds + GAP)) / 1000;
    const end = start + tone.milliseconds / 1000;
    const oscillator = context.createOscillator();
    const gain = context.createGain();
    oscillator.type = tone.shape;
    oscillator.frequency.value = tone.hertz;
    gain.gain.setValueAtTime(0.25, start);
    gain.gain.setTargetAtTime(0, end - 0.015, 0.005); // no click at the end
    oscillator.connect(gain).connect(context.destination);
    oscillator.start(start);
    oscillator.stop(end);
  }
}
