/** From what a scanner or a finger sends to the code itself. The server does the same again and decides. */

/** AIM symbology identifier: `]`, a letter, a modifier; e.g. `]d2` Data Matrix, `]C1` Code 128. */
const AIM = /^\][A-Za-z][0-9A-Za-z]/;
const CONTROL = /[\u0000-\u001f\u007f]/g; // GS (0x1D), STX, ETX, CR, LF, Tab

export function clean(raw: string): string {
  return raw.normalize("NFKC").replace(CONTROL, "").trim().replace(AIM, "").trim();
}

/** For comparing with command codes: upper case, without the separators people see. */
export function canonical(text: string): string {
  return clean(text).toUpperCase().replace(/[-\s]/g, "");
}

/** The codes in one burst; a gun that sees two labels sends both, and neither can be trusted. */
export function codesIn(burst: string): string[] {
  return burst.split(/[\r\n]+/).map(clean).filter(Boolean);
}
