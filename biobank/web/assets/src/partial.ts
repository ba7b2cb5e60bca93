/** htmx under the strict content policy: no style injection, no evaluation, no scripts in answers. */

import htmx from "htmx.org";
import { csrfToken } from "./dom";
import { ask, flash, releaseForms } from "./page";

interface RequestDetail {
  xhr?: XMLHttpRequest;
  headers: Record<string, string>;
  question?: string;
  issueRequest?: (skip: boolean) => void;
}

export function startPartial(): void {
  Object.assign(htmx.config, {
    includeIndicatorStyles: false,
    allowEval: false,
    allowScriptTags: false,
    selfRequestsOnly: true,
    historyCacheSize: 0, // pages hold personal data; nothing of them is kept in the browser's storage
    scrollIntoViewOnBoost: false,
    defaultFocusScroll: false,
    responseHandling: [
      { code: "204", swap: false },
      { code: "[23]..", swap: true },
      { code: "422", swap: true }, // the form comes back with its messages
      { code: "...", swap: false, error: true },
    ],
  });
  document.addEventListener("htmx:configRequest", (event) => {
    detailOf(event).headers["x-csrftoken"] = csrfToken();
  });
  document.addEventListener("htmx:confirm", (event) => {
    const detail = detailOf(event);
    if (!detail.question || !detail.issueRequest) return;
    event.preventDefault();
    const issue = detail.issueRequest;
    void ask(detail.question, "Yes").then((yes) => yes && issue(true));
  });
  document.addEventListener("htmx:responseError", (event) => {
    const status = detailOf(event).xhr?.status ?? 0;
    flash("stop", "Not done.", `The server answered ${status}. Reload the page and try again.`);
  });
  document.addEventListener("htmx:sendError", () => {
    flash("stop", "Not done.", "The server could not be reached. Check the network and try again.");
  });
  document.addEventListener("htmx:afterRequest", () => releaseForms(document));
}

function detailOf(event: Event): RequestDetail {
  return (event as CustomEvent<RequestDetail>).detail;
}
