// Choosing data for an input of a plugin's form: the timeline's pictures and plugins' results, as far as they fit; and
// looking at what was chosen.

import { PICTURE, isLink } from "./data.js";
import { inDialog, note, pluginButtons } from "./dialog.js";
import { dataMatches } from "./matching.js";

const TEXTS = /^(text\/(?!html)|application\/([\w.+-]*\+)?json)/i;

// Gives the chosen data, null for none. accepted: { type, contents }; `sudden` as a dialog takes it.
export function chooseData(data, { type, contents, sudden }) {
  return inDialog("Choose a file", (body, choose) => {
    const words = Object.assign(note(accepted(type, contents)), { className: "dd-meta dd-choose-for" });
    body.append(words);
    if (dataMatches(type, contents, PICTURE)) body.append(pictures(data, choose));
    body.append(results(data, (each) => dataMatches(type, contents, each), choose));
  }, { wide: true, sudden });
}

const ELSE = Symbol("everything");

// What is related to a file, or anything else that fits.
export async function chooseRelated(data, about) {
  const { type, contents, sudden } = about;
  const chosen = await inDialog("Choose a related file", (body, choose) => {
    const all = { type: "button", className: "btn btn-secondary", textContent: "Choose from everything" };
    const button = Object.assign(document.createElement("button"), all);
    button.addEventListener("click", () => choose(ELSE));
    const beside = (found) => related(found, about);
    body.append(results(data, (each) => dataMatches(type, contents, each), choose, beside), button);
  }, { sudden });
  return chosen === ELSE ? chooseData(data, { type, contents }) : chosen;
}

// The one related file that fits, without asking anybody; null for none and for several.
export async function onlyRelated(data, about) {
  const found = related(await data.results(), about).filter((each) => dataMatches(about.type, about.contents, each));
  return found.length === 1 ? found[0] : null;
}

// Related is what one task put out together. What was made of what, `pre` and `post`, the host tells nobody: a task's
// inputs are in no answer of it, so nothing is related in these ways.
function related(all, { href, includeSelf, relation }) {
  const of = all.find((each) => each.href === href)?.task;
  if (!of || relation === "pre" || relation === "post") return [];
  return all.filter((each) => each.task === of && (includeSelf || each.href !== href));
}

export function choosePlugin(plugins) {
  return inDialog("Choose a plugin", (body, choose) => {
    body.append(plugins.length ? pluginButtons(plugins, choose) : note("There is no plugin here that fits."));
  }, { sudden: true });
}

// Looks at a file: a picture or the beginning of a text.
export function preview(host, about) {
  return inDialog(about?.filename ?? "Preview", async (body) => {
    const { href, contentType = "" } = about ?? {};
    if (contentType.startsWith("image/") && !/svg/i.test(contentType) && (host.place(href) || isLink(href))) {
      body.append(Object.assign(new Image(), { src: href, alt: about.filename, className: "dd-choose-look" }));
    } else if (TEXTS.test(contentType) && host.place(href)) {
      const box = Object.assign(document.createElement("pre"), { className: "dd-log", tabIndex: 0 });
      body.append(box);
      box.textContent = await host.beginning(href).catch((refusal) => refusal.message);
    } else {
      body.append(note("There is no preview of this file."));
    }
  }, { wide: true });
}

function accepted(type, contents) {
  const any = type === "*" && contents.every((each) => each === "*");
  if (any) return "Any file will do.";
  const kinds = contents.map((each) => (each === "*" ? "any file" : each));
  return `Wanted: ${type === "*" ? "any data" : type}, as ${kinds.join(", ")}.`;
}

function section(title) {
  const box = document.createElement("section");
  const heading = Object.assign(document.createElement("h3"), { textContent: title });
  box.className = "dd-stack dd-stack-tight";
  box.append(heading);
  return box;
}

function pictures(data, choose) {
  const box = section("Your timeline");
  const list = Object.assign(document.createElement("ul"), { className: "dd-choose-tiles" });
  list.setAttribute("role", "list");
  const older = { type: "button", className: "btn btn-secondary btn-sm", textContent: "Show older", hidden: true };
  const more = Object.assign(document.createElement("button"), older);
  const wait = note("Looking…");
  box.append(list, wait, more);
  let next = null;
  const load = async () => {
    more.hidden = true;
    try {
      const page = await data.pictures(next);
      list.append(...page.pictures.map(({ task, image }) => tile(data, task, image, choose, wait)));
      next = page.cursor;
      more.hidden = next === null;
      wait.textContent = list.children.length ? "" : "No pictures yet.";
    } catch (refusal) {
      wait.textContent = refusal.message;
    }
  };
  more.addEventListener("click", load);
  load();
  return box;
}

function tile(data, task, image, choose, wait) {
  const { prompt } = task.parameters;
  const button = Object.assign(document.createElement("button"), { type: "button", className: "dd-choose-tile" });
  button.setAttribute("aria-label", `${prompt}, ${image.width} by ${image.height}`);
  const shown = { src: image.thumbnail_url, alt: "", loading: "lazy", width: image.width, height: image.height };
  button.append(Object.assign(new Image(), shown));
  button.addEventListener("click", async () => {
    try {
      choose(await data.link(image.id, prompt));
    } catch (refusal) {
      wait.textContent = refusal.message;
    }
  });
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function results(data, fits, choose, narrow = (all) => all) {
  const box = section("Results of plugins");
  const list = Object.assign(document.createElement("ul"), { className: "dd-choose-list" });
  list.setAttribute("role", "list");
  const wait = note("Looking…");
  box.append(list, wait);
  data
    .results()
    .then(narrow)
    .then((all) => {
      const found = all.filter(fits);
      list.append(...found.map((each) => row(each, choose)));
      wait.textContent = found.length ? "" : "None that fits.";
    })
    .catch((refusal) => (wait.textContent = refusal.message));
  return box;
}

function row(result, choose) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "dd-choose-row" });
  const name = Object.assign(document.createElement("strong"), { className: "dd-clip", textContent: result.filename });
  const about = Object.assign(document.createElement("span"), {
    className: "dd-meta dd-clip",
    textContent: `${result.dataType}, ${result.contentType}`,
  });
  button.append(name, about);
  button.addEventListener("click", () => choose(result));
  const item = document.createElement("li");
  item.append(button);
  return item;
}
