// A dialog in which one thing is chosen, or looked at. The browser keeps the keyboard within it and gives it back.

import { icon } from "../picture.js";

// Pages that do not come with the look of choices get it now.
const LOOK = new URL("../../choose.css", import.meta.url).href;
const DEAF_MS = 500;
// One at a time, also while its look is on the way.
let busy = false;

function dressed() {
  if ([...document.styleSheets].some((sheet) => sheet.href === LOOK)) return Promise.resolve();
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: LOOK });
  const done = new Promise((resolve) => {
    link.addEventListener("load", resolve);
    link.addEventListener("error", resolve);
  });
  document.head.append(link);
  return done;
}

// fill(body, choose) puts the content in and calls choose(value) once; the promise gives the value, null for none and
// where another one is open. `sudden`: a plugin's page asked for it, so for a moment nothing in it can be pressed: the
// second of two clicks was meant for the page.
export async function inDialog(title, fill, options = {}) {
  if (busy) return null;
  busy = true;
  try {
    await dressed();
    return await opened(title, fill, options);
  } finally {
    busy = false;
  }
}

function opened(title, fill, { wide = false, sudden = false }) {
  const dialog = document.createElement("dialog");
  dialog.className = wide ? "dd-dialog dd-choose dd-choose-wide" : "dd-dialog dd-choose";
  dialog.setAttribute("aria-labelledby", "choose-title");
  const head = Object.assign(document.createElement("div"), { className: "dd-row dd-row-apart dd-choose-head" });
  const heading = Object.assign(document.createElement("h2"), { id: "choose-title", textContent: title });
  const shut = { type: "button", className: "btn btn-quiet btn-icon" };
  const close = Object.assign(document.createElement("button"), shut);
  close.setAttribute("aria-label", "Close");
  close.append(icon("close"));
  close.addEventListener("click", () => dialog.close());
  head.append(heading, close);
  const body = Object.assign(document.createElement("div"), { className: "dd-choose-body dd-stack" });
  dialog.append(head, body);
  document.body.append(dialog);
  return new Promise((resolve) => {
    let chosen = null;
    const choose = (value) => {
      chosen = value;
      dialog.close();
    };
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(chosen);
    });
    fill(body, choose);
    body.inert = sudden;
    dialog.showModal();
    if (sudden) setTimeout(() => (body.inert = false), DEAF_MS);
  });
}

export function note(text) {
  return Object.assign(document.createElement("p"), { className: "dd-meta", textContent: text });
}

// Plugins as buttons, in the look of the page's own list.
export function pluginButtons(plugins, choose) {
  const list = Object.assign(document.createElement("ul"), { className: "dd-choose-list" });
  list.setAttribute("role", "list");
  for (const plugin of plugins) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "dd-plugin" });
    const arch = Object.assign(document.createElement("span"), { className: "dd-arch" });
    arch.append(icon(plugin.icon));
    const title = Object.assign(document.createElement("strong"), { textContent: plugin.title });
    const words = { className: "dd-plugin-about", textContent: plugin.description };
    const about = Object.assign(document.createElement("span"), words);
    button.append(arch, title, about);
    button.addEventListener("click", () => choose(plugin));
    const item = document.createElement("li");
    item.append(button);
    list.append(item);
  }
  return list;
}
