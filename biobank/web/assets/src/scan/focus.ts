/** The one input of a scanning page, and the keys of its requests. */

import { isEditable } from "../dom";

/** The input has the focus whenever nothing else needs it; a scan typed elsewhere still lands in it. */
export function keepFocus(input: HTMLInputElement, buttons: string): void {
  const back = (): void => {
    const active = document.activeElement; // a click on the page focuses its main part
    const free = active === null || active === document.body || active.id === "main";
    if (free && !document.querySelector("dialog[open]")) input.focus({ preventScroll: true });
  };
  document.addEventListener("focusout", () => window.setTimeout(back));
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest(buttons)) input.focus({ preventScroll: true });
    else window.setTimeout(back);
  });
  document.addEventListener("keydown", (event) => {
    const typed = event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey;
    const pressing = event.key === " " && document.activeElement?.matches("button, summary");
    if (!typed || pressing || isEditable(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key !== "?" && event.key !== "/") input.focus({ preventScroll: true });
  });
  window.addEventListener("focus", back);
  input.focus({ preventScroll: true });
}

/** A random UUID also where the page came over plain http, as on a bench network. */
export function newKey(): string {
  if (window.isSecureContext) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
