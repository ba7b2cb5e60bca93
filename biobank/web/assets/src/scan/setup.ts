/** The set-up of this computer: what its scanner adds to codes, and after which pauses the station acts. */

import { need } from "../dom";
import { keepSettings, settings } from "./settings";

const MINUTES_MOST = 480;
const BURST_MOST = 500;

export function startSetup(changed: () => void): void {
  const form = need<HTMLFormElement>("#setup-form");
  const field = (name: string): HTMLInputElement => need<HTMLInputElement>(`[name=${name}]`, form);
  const now = settings();
  field("prefix").value = now.prefix;
  field("suffix").value = now.suffix;
  field("minutes").value = String(now.minutes);
  field("burst").value = String(now.burst);
  form.addEventListener("submit", (event) => event.preventDefault()); // a gun's Enter sends nothing here
  form.addEventListener("change", () => {
    keepSettings({
      prefix: field("prefix").value,
      suffix: field("suffix").value,
      minutes: within(field("minutes"), MINUTES_MOST),
      burst: within(field("burst"), BURST_MOST),
    });
    changed();
  });
}

function within(field: HTMLInputElement, most: number): number {
  const value = Math.min(Math.max(Math.round(Number(field.value) || 0), 0), most);
  field.value = String(value);
  return value;
}
