// The Plugins page: what is wired to what.

import { ask } from "../http.js";
import { tell } from "../notice.js";
import { chooseData } from "./choosing.js";
import { Conversation } from "./conversation.js";
import { Data, outputs } from "./data.js";
import { Frame } from "./frame.js";
import { Host } from "./host.js";
import { wireList } from "./list.js";
import { inputFor } from "./matching.js";
import { Recent, taskPath } from "./recent.js";
import { showSteps } from "./steps.js";
import { openStep, Task } from "./task.js";

const id = (name) => document.getElementById(name);
const boot = JSON.parse(id("bench").dataset.boot);
const host = new Host(boot.host, boot.hosts);
const data = new Data(host);
const chosen = boot.plugins.find((each) => each.identifier === boot.chosen);
const address = new URLSearchParams(location.search);

const task = new Task(host, boot.plugins, {
  onStep: (open, told) => stepped(open, told),
  onEnd: (open, told) => {
    stepped(open, told);
    recent.load();
    purse();
  },
  onGone: async (open, { shown, held }) => {
    if (shown) {
      remember(null);
      recent.beside(null);
      // The frame was that task's, which had steps.
      if (showSteps([], {})) begin();
    }
    await recent.load();
    // The button that was pressed is gone; a browser may not have noticed yet.
    const on = document.activeElement;
    const lost = held && (on === document.body || id("task").contains(on));
    if (lost) id(id("recent").hidden ? "title" : "recent-title").focus({ preventScroll: true });
  },
});
const recent = new Recent(host, boot.plugins, { onOpen: (open) => reopened(open) });
let frame = null;
let conversation = null;

wireList();
wireAbout();
if (chosen?.page) wireFrame();
start();

async function start() {
  // A task that was open is the first thing to be looked for.
  const [listed] = await Promise.all([recent.load(), chosen?.page && !address.get("task") ? begin() : null]);
  const wanted = address.get("task");
  if (!wanted) return;
  const known = listed.find((each) => each.id === wanted) ?? (await recent.find(wanted));
  const path = taskPath(host, `/tasks/${wanted}/`);
  // It may be another plugin's than the one that is shown: whose it is, its steps tell later.
  // Another may have been opened meanwhile.
  if (known && !task.open) shown(known);
  else if (path && !task.open) shown({ ...path, name: "A task", maker: "plugin" });
  // A step that waits here opens by itself; another plugin's leaves this one's form where it is.
  const here = known && task.open?.id === wanted && known.plugin?.identifier === chosen?.identifier;
  if (chosen?.page && !(here && openStep(known.task))) begin();
}

function wireFrame() {
  conversation = new Conversation(host, data, boot.plugins, {
    submitted: (result) => submitted(result),
    // A plugin's words beside its name, as they stand among our own.
    refused: (words) => tell(`${chosen.title}: ${words}`, { refused: true }),
    told: (sentence) => tell(sentence, { refused: true }),
  });
  frame = new Frame(host, {
    onMessage: (type, message) => conversation.hear(type, message),
    onCome: () => conversation.greet(),
    onTrouble: (sentence) => tell(sentence, { refused: true }),
  });
  conversation.frame = frame;
  id("frame-choose").addEventListener("click", () => chooseToShow());
}

// The plugin's own form, with what was sent to it, or the choice that a visualization begins with.
async function begin() {
  const given = await brought();
  if (chosen.kind === "visualization") {
    if (given) open(given);
    else askToShow();
    return;
  }
  const input = given && inputFor(chosen, given);
  if (given && !input) tell("This plugin takes no file of this kind.", { refused: true });
  if (input) conversation.fillNext({ [input.parameter]: given.href });
  frame.open(chosen.page);
}

// What the address says was sent here: a picture of the timeline or a result. Once; a reload begins empty.
async function brought() {
  const [image, result] = [address.get("input"), address.get("result")];
  if (!image && !result) return null;
  for (const name of ["input", "result"]) address.delete(name);
  rewrite();
  try {
    if (image) return await data.link(image, await promptOf(image));
    const [key, at] = result.split("/");
    const path = taskPath(host, `/tasks/${key}/`);
    return path ? (outputs(await host.json(path.path), host)[Number(at)] ?? null) : null;
  } catch (refusal) {
    tell(refusal.status === 404 ? "What was sent here is no longer there." : refusal.message, { refused: true });
    return null;
  }
}

// What to call it; the picture is linked whatever becomes of this.
async function promptOf(image) {
  const page = await ask("/studio/tasks?scope=all").catch(() => ({ tasks: [] }));
  return page.tasks.find((each) => each.images.some((one) => one.id === image))?.parameters.prompt;
}

function askToShow() {
  frame.rest("");
  id("frame-show").hidden = false;
}

async function chooseToShow() {
  const input = chosen.inputs.find((each) => each.required) ?? chosen.inputs[0];
  const wanted = input ? { type: input.dataType, contents: input.contentTypes } : { type: "*", contents: ["*"] };
  const found = await chooseData(data, wanted);
  if (found) open(found);
}

function open({ href, filename }) {
  id("frame-show-words").textContent = `Shows ${filename}.`;
  id("frame-show").hidden = false;
  const page = new URL(chosen.page, host.origin);
  page.searchParams.set("data-url", href);
  frame.open(`${page.pathname}${page.search}`);
}

function shown(open) {
  task.show(open);
  recent.beside(open.id);
}

function submitted(result) {
  const path = taskPath(host, result);
  if (!path) {
    tell("The plugin took the form; it gave no task that could be followed.");
    return;
  }
  remember(path.id);
  const again = task.open?.id === path.id;
  const began = again ? {} : { startedAt: new Date().toISOString() };
  shown({ ...path, name: chosen.title, maker: chosen.name, plugin: chosen, ...began });
  if (!again) recent.load();
  id("task").scrollIntoView({ block: "nearest" });
}

// The step that waits is opened where its plugin is; steps that are done are marked.
function stepped(open, told) {
  const plugin = open.plugin ?? pluginOf(told);
  const here = chosen && frame && plugin?.identifier === chosen.identifier;
  const ended = told.status !== "PENDING";
  const step = openStep(told);
  const go = id("task-go");
  go.hidden = here || !step || !plugin;
  if (!go.hidden) go.href = `/plugins/${encodeURIComponent(plugin.identifier)}?task=${open.id}`;
  if (!here) return;
  const place = step && host.place(step.uiHref);
  const path = place && `${place.pathname}${place.search}`;
  const had = told.steps?.length;
  showSteps(told.steps, { first: chosen.title, ended });
  if (path && frame.path !== path) {
    frame.open(path);
    // Whoever looks at the task, below, is to see that something waits above.
    id("steps").scrollIntoView({ block: "nearest" });
  } else if (step && !path && frame.path !== chosen.page) {
    frame.rest("The next step of this task is on another server.", chosen.page);
  } else if (!step && !ended && had) frame.rest("The plugin works on it. The next step comes here by itself.");
  // Its own form would push the results out of sight.
  else if (ended && had && frame.path !== chosen.page) frame.rest("All steps of this task are done.", chosen.page);
}

// Whose task it is, by where its first step stands; undefined where that tells nothing.
function pluginOf({ steps }) {
  const first = Array.isArray(steps) ? steps[0] : null;
  const path = host.place(first?.uiHref ?? first?.href)?.pathname;
  return path && boot.plugins.find((each) => path.startsWith(`${each.root.replace(/\/$/, "")}/`));
}

function reopened(open) {
  if (chosen) remember(open.id);
  shown(open);
  id("task").scrollIntoView({ block: "nearest" });
  id("task-name").focus({ preventScroll: true });
}

function wireAbout() {
  const button = id("about-open");
  button?.addEventListener("click", () => {
    const shown = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!shown));
    id("about").hidden = shown;
  });
}

// What a plugin had drawn was paid for.
async function purse() {
  const state = await ask("/studio/state").catch(() => null);
  if (state) id("purse").textContent = state.tokens;
}

window.addEventListener("pageshow", ({ persisted }) => persisted && recent.load());

// So that a reload finds it again.
function remember(key) {
  if (key) address.set("task", key);
  else address.delete("task");
  rewrite();
}

function rewrite() {
  history.replaceState(null, "", address.size ? `?${address}` : location.pathname);
}
