/** Small helpers over the DOM. Text always enters through textContent, so nothing from outside becomes markup. */

type Child = Node | string | null | undefined | false;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  for (const child of children) if (child) element.append(child);
  return element;
}

/** The element a page must have; a page without it is a fault of the template. */
export function need<T extends HTMLElement>(selector: string, root: ParentNode = document): T {
  const found = root.querySelector<T>(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
}

/** `TKQ7M3X9V7` as `TKQ7-M3X9-V7`; any other code as it is. The same rule as the template filter. */
export function grouped(code: string): string {
  return /^[A-Z][0-9A-Z]{8}[0-9A-Z*]$/.test(code) ? `${code.slice(0, 4)}-${code.slice(4, 8)}-${code.slice(8)}` : code;
}

/** A copy of an icon the page carries as a template. */
export function icon(name: string): Node {
  const template = document.querySelector<HTMLTemplateElement>(`template[data-icon="${name}"]`);
  return template ? template.content.cloneNode(true) : document.createTextNode("");
}

export function csrfToken(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
}

export function isEditable(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select, [role=textbox]"))
  );
}
