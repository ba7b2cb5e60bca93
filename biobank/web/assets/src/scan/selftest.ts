/** The self-test: a symbol with every character in question shows whether the scanner types what it reads. */

import { clean, type Added } from "./text";

export interface Diagnosis {
  passed: boolean;
  title: string;
  message: string;
  /** What the scanner adds to each code, where that is all that is wrong. */
  added?: Added;
}

const KEYBOARD = "Set the scanner and this computer to the same keyboard: in the scanner's manual it is the country code.";

/** What is wrong with a self-test symbol as it arrived; `expected` is what it holds. */
export function diagnose(expected: string, raw: string, added: Added): Diagnosis {
  const read = clean(raw, added);
  if (read === expected) return { passed: true, title: "The scanner is right", message: "Every character arrived as it is printed." };
  const at = read.indexOf(expected);
  if (at >= 0) {
    const found = { prefix: added.prefix + read.slice(0, at), suffix: read.slice(at + expected.length) + added.suffix };
    const words = [found.prefix && `"${found.prefix}" before`, found.suffix && `"${found.suffix}" after`].filter(Boolean).join(" and ");
    return { passed: false, title: "The scanner adds characters", message: `It types ${words} each code. Take them off here, or set the scanner to send none.`, added: found };
  }
  if (read.toUpperCase() === expected || swapped(read) === expected) {
    return { passed: false, title: "Capitals arrive as small letters", message: "Caps Lock is on, or the scanner changes the case: switch it off and scan again." };
  }
  if (/qbcdefg/i.test(read)) return { passed: false, title: "This computer types as a French keyboard (AZERTY)", message: `A arrives as Q and Z as W. ${KEYBOARD}` };
  if (/xzy/i.test(read)) return { passed: false, title: "This computer types as a German keyboard (QWERTZ)", message: `Y and Z arrive swapped. ${KEYBOARD}` };
  const wrong = [...expected].findIndex((character, index) => read[index] !== character);
  const seen = read[wrong] === undefined ? "nothing" : `"${read[wrong]}"`;
  return {
    passed: false,
    title: read.length < expected.length / 2 ? "This is not the self-test symbol" : "Characters arrive wrong",
    message: `Character ${wrong + 1} should be "${expected[wrong]}" and is ${seen}. ${KEYBOARD}`,
  };
}

function swapped(text: string): string {
  return [...text].map((one) => (one === one.toUpperCase() ? one.toLowerCase() : one.toUpperCase())).join("");
}
