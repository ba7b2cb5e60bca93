/** The parts of the station as elements: the same shapes the templates draw. */

import { el, grouped, icon } from "../dom";
import type { BoxView, Cell, Place, Words } from "./types";

export function stateWord(kind: string, word: string): HTMLElement {
  return el("span", { class: `state is-${kind}` }, icon(kind), word);
}

export function pathList(places: Place[], position: string | null): HTMLElement | null {
  if (!places.length && !position) return null;
  const list = el("ol", { class: "path", "aria-label": "Location" });
  for (const place of places) {
    const name = grouped(place.name);
    list.append(el("li", {}, place.href ? el("a", { href: place.href }, name) : name));
  }
  if (position) list.append(el("li", {}, el("b", {}, position)));
  return list;
}

export function boxWords(box: BoxView, words: Words): HTMLElement {
  const line = el("p", { class: "map-words" }, el("span", {}, el("b", {}, String(box.occupied)), ` of ${box.capacity} occupied`));
  if (box.temperature_class) line.append(temperature(box.temperature_class, words));
  if (box.fill) {
    const direction = box.fill.startsWith("column") ? "down" : "right";
    line.append(el("span", {}, icon(direction), ` ${words.fill[box.fill] ?? box.fill}`));
  }
  return line;
}

function temperature(name: string, words: Words): HTMLElement {
  const key = name.toUpperCase().replace("\u2212", "-").replaceAll("_", " ").trim().replace(/(°C| C)$/, "").trim();
  const known = words.temperature.find((item) => item.names.includes(key));
  return el("span", { class: `temperature temp-${known?.step ?? 0}` }, known?.words ?? name);
}

export function boxTable(box: BoxView, words: Words): HTMLTableElement {
  const head = el("tr", {}, el("td", { class: "notch" }));
  for (const label of box.col_labels) head.append(el("th", { scope: "col" }, label));
  const body = el("tbody");
  const cells = new Map(box.cells.map((cell) => [`${cell.row}/${cell.col}`, cell]));
  box.row_labels.forEach((label, row) => {
    const line = el("tr", {}, el("th", { scope: "row" }, label));
    box.col_labels.forEach((_, col) => {
      const cell = cells.get(`${row}/${col}`);
      if (cell) line.append(el("td", { class: `s-${cell.state}`, "data-position": cell.label }, cellContent(cell, words)));
    });
    body.append(line);
  });
  const caption = `${grouped(box.name)}, ${box.occupied} of ${box.capacity} occupied; A1 is at the notch, top left`;
  return el(
    "table",
    { class: "map", "data-box": box.code },
    el("caption", { class: "visually-hidden" }, caption),
    el("thead", {}, head),
    body,
  );
}

function cellContent(cell: Cell, words: Words): HTMLElement {
  const kept = cell.state === "reserved";
  const more = cell.code ? `, ${grouped(cell.code)}` : kept ? `: ${cell.text}` : "";
  const said = `${cell.label}, ${words.state[cell.state]}${more}`;
  const shown = kept ? "kept" : cell.text || (cell.state === "next" ? cell.label : "");
  if (cell.href) return el("a", { href: cell.href, title: said, "aria-label": said }, shown);
  return el(
    "span",
    { title: said },
    el("span", { class: "visually-hidden" }, said),
    el("span", { "aria-hidden": "true" }, shown),
  );
}
