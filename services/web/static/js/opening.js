// Whether the panel is open: a column beside the timeline, or, on narrow windows, a sheet over everything else.

import { keep, recall } from "./kept.js";

const narrow = window.matchMedia("(max-width: 767.98px)");
const SHUT = "dd-shut";
const id = (name) => document.getElementById(name);

export class Opening {
  #form;

  constructor(form) {
    this.#form = form;
    // The column stays as it was left; a sheet is down whenever the page comes.
    if (recall(SHUT) === "on") document.body.dataset.panel = "closed";
    id("panel-close").addEventListener("click", () => this.close());
    id("dock-open").addEventListener("click", () => this.open());
    id("dock-words").addEventListener("click", () => {
      this.open();
      form.elements.prompt.focus();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
      const sheet = narrow.matches && document.body.dataset.sheet === "open";
      if (sheet || form.contains(document.activeElement)) this.close();
    });
    // A sheet that was open when the window grew must not leave the page inert.
    narrow.addEventListener("change", () => this.#sheet("closed"));
  }

  open() {
    if (!narrow.matches) {
      this.#column("open");
      return;
    }
    this.#sheet("open");
    id("panel-close").focus();
  }

  close() {
    const inside = this.#form.contains(document.activeElement);
    if (narrow.matches) this.#sheet("closed");
    else this.#column("closed");
    if (inside) id("dock-open").focus();
  }

  submitted() {
    if (narrow.matches || id("pin-switch").getAttribute("aria-pressed") === "false") this.close();
  }

  #column(state) {
    document.body.dataset.panel = state;
    keep(SHUT, state === "closed" ? "on" : "off");
  }

  #sheet(state) {
    document.body.dataset.sheet = state;
    for (const each of beside(this.#form)) each.inert = state === "open";
  }
}

// Everything on the page that is neither the form nor around it. Dialogs stay: they open over the sheet.
function* beside(form) {
  for (let each = form; each !== document.body; each = each.parentElement) {
    for (const other of each.parentElement.children) if (other !== each && other.tagName !== "DIALOG") yield other;
  }
}
