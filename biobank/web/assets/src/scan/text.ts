/** From what a scanner or a finger sends to the code itself. The server does the same again and decides. */

/** AIM symbology identifier: `]`, a letter, a modifier; e.g. `]d2` Data Matrix, `]C1` Code 128. */
const AIM = /^\][A-Za-z][0-9A-Za-z]/;
const CONTROL = /[\u0000-\u001f\u007f]/g; // GS (0x1D), STX, ETX, CR, LF, Tab
const CHECK = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*";
const KINDS = "TBKPXLRWQUC";
const LENGTH = 10;

/** What a scanner adds to each code besides AIM identifiers and control characters. */
export interface Added {
  prefix: string;
  suffix: string;
}

export function clean(raw: string, added?: Added): string {
  let text = raw.normalize("NFKC").replace(CONTROL, "").trim();
  if (added?.prefix && text.startsWith(added.prefix)) text = text.slice(added.prefix.length);
  if (added?.suffix && text.endsWith(added.suffix)) text = text.slice(0, -added.suffix.length);
  return text.trim().replace(AIM, "").trim();
}

/** For comparing with command codes: upper case, without the separators people see. */
export function canonical(text: string): string {
  return clean(text).toUpperCase().replace(/[-\s]/g, "");
}

/** The codes in one burst; a gun that sees two labels sends both, and neither can be trusted. */
export function codesIn(burst: string, added?: Added): string[] {
  return burst
    .split(/[\r\n]+/)
    .map((line) => clean(line, added))
    .flatMap((line) => joined(line) ?? [line])
    .filter(Boolean);
}

/** The kind of a house id (`T`, `B`, ...) with a right check character; null for any other text. */
export function kindOf(text: string): string | null {
  const code = canonical(text);
  if (code.length !== LENGTH || !KINDS.includes(code[0]!)) return null;
  let product = 0;
  for (const character of code.slice(0, -1)) {
    const value = CHECK.indexOf(character);
    if (value < 0) return null;
    product = ((product + value) * 2) % 37;
  }
  return CHECK[(38 - product) % 37] === code.at(-1) ? code[0]! : null;
}

/** Two house ids that came as one text, without anything between them. */
function joined(text: string): string[] | null {
  const code = canonical(text);
  const halves = [code.slice(0, LENGTH), code.slice(LENGTH)];
  return code.length === 2 * LENGTH && halves.every((half) => kindOf(half)) ? halves : null;
}
