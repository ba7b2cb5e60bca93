/** What every page does: copy, help, find, confirm, one submit per form, messages that stay. */

import { el, isEditable, need } from "./dom";

export function startPage(): void {
  document.documentElement.classList.add("js");
  document.addEventListener("click", onClick);
  document.addEventListener("keydown", onKey);
  document.addEventListener("submit", onSubmit, { capture: true }); // before htmx, which listens on the form
  // Coming back by the Back button must not leave a form disabled.
  window.addEventListener("pageshow", () => document.querySelectorAll<HTMLFormElement>("form").forEach(release));
}

function onClick(event: MouseEvent): void {
  const target = event.target instanceof Element ? event.target : null;
  const copy = target?.closest<HTMLElement>("[data-copy]");
  if (copy) void copyText(copy);
  if (target?.closest("[data-dismiss]")) target.closest("[data-flash]")?.remove();
  if (target?.closest("[data-open-help]")) openHelp();
}

function onKey(event: KeyboardEvent): void {
  if (event.key === "Enter" && event.target instanceof HTMLInputElement && event.target.matches("[data-scan-next]")) {
    event.preventDefault(); // the gun ends each code with Enter, which must not send the form
    const fields = [...document.querySelectorAll<HTMLInputElement>("[data-scan-next], [data-scan-last]")];
    (fields[fields.indexOf(event.target) + 1] ?? event.target).focus();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isEditable(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "?") {
    event.preventDefault();
    openHelp();
  } else if (event.key === "/") {
    const find = document.querySelector<HTMLInputElement>("[data-find]");
    if (!find) return;
    event.preventDefault();
    find.focus();
    find.select();
  }
}

export function openHelp(): void {
  const help = need<HTMLDialogElement>("#help");
  if (!help.open) help.showModal();
}

async function copyText(button: HTMLElement): Promise<void> {
  const text = button.dataset["copy"] ?? "";
  const word = button.querySelector("[data-copy-word]");
  const copied = await writeClipboard(text);
  if (!word) return;
  word.textContent = copied ? "Copied" : "Press Ctrl+C";
  if (copied) window.setTimeout(() => (word.textContent = "Copy"), 2000);
}

async function writeClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text); // without https there is no clipboard interface
  }
}

function copyBySelection(text: string): boolean {
  const area = el("textarea", { class: "visually-hidden", "aria-hidden": "true" });
  area.value = text;
  const before = document.activeElement;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  return copied;
}

function onSubmit(event: SubmitEvent): void {
  const form = event.target;
  if (!(form instanceof HTMLFormElement)) return;
  const method = form.getAttribute("method")?.toLowerCase(); // form.method may be a field of that name
  if (method === "dialog") return;
  const submitter = event.submitter instanceof HTMLElement ? event.submitter : null;
  const question = submitter?.dataset["confirm"] ?? form.dataset["confirm"];
  if (question && form.dataset["confirmed"] !== "yes") {
    event.preventDefault();
    event.stopImmediatePropagation();
    void ask(question, submitter?.textContent?.trim() || "Yes").then((yes) => {
      if (!yes) return;
      form.dataset["confirmed"] = "yes";
      form.requestSubmit(submitter);
      delete form.dataset["confirmed"];
    });
    return;
  }
  if (method !== "post") return;
  if (form.getAttribute("aria-busy") === "true") {
    event.preventDefault();
    return;
  }
  form.setAttribute("aria-busy", "true");
  // After this event: a disabled button would not be part of what is sent.
  window.setTimeout(() => submits(form).forEach((button) => (button.disabled = true)));
  // A download leaves the page as it is, so nothing else would tell that it is done.
  if (form.hasAttribute("data-download")) window.setTimeout(() => release(form), 1500);
}

function release(form: HTMLFormElement): void {
  if (!form.hasAttribute("aria-busy")) return;
  form.removeAttribute("aria-busy");
  submits(form).forEach((button) => (button.disabled = false));
}

export function releaseForms(root: ParentNode): void {
  root.querySelectorAll<HTMLFormElement>("form[aria-busy]").forEach(release);
}

function submits(form: HTMLFormElement): HTMLButtonElement[] {
  return [...form.elements].filter((item): item is HTMLButtonElement => item instanceof HTMLButtonElement && item.type === "submit");
}

/** Ask in the page's own dialog; resolves to false for Cancel and Escape. */
export function ask(question: string, yes: string): Promise<boolean> {
  const dialog = need<HTMLDialogElement>("#confirm");
  need("[data-confirm-text]", dialog).textContent = question;
  need("button[value=yes]", dialog).textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

/** A message on top of the page that stays until it is dismissed. */
export function flash(kind: "info" | "warning" | "stop", title: string, text: string): void {
  need("#flashes").append(
    el(
      "div",
      { class: `notice is-${kind}`, role: kind === "info" ? "status" : "alert", "data-flash": "" },
      el("div", { class: "notice-text" }, el("strong", {}, title), ` ${text}`),
      el("button", { type: "button", class: "small", "data-dismiss": "" }, "Dismiss"),
    ),
  );
}
