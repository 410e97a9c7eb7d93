// The studio page: what is wired to what.

import { bring } from "./brought.js";
import { Deeds } from "./deeds.js";
import { submit, toTheDoor } from "./http.js";
import { Leaving } from "./leaving.js";
import { Live } from "./live.js";
import { tell } from "./notice.js";
import { Pages } from "./pages.js";
import { Panel } from "./panel.js";
import { clone } from "./picture.js";
import { price } from "./price.js";
import { Progress } from "./progress.js";
import { Purse } from "./purse.js";
import { Search } from "./search.js";
import { Selection } from "./selection.js";
import { Store } from "./store.js";
import { Timeline } from "./timeline.js";
import { Viewer } from "./viewer.js";

const boot = JSON.parse(document.getElementById("studio").dataset.boot);
const store = new Store(boot.tasks);
const pages = new Pages(store, boot);
const panel = new Panel({ ...boot, store, onSubmit: (values) => send(values) });
const purse = new Purse(store, panel);
const deeds = new Deeds(store);

// Everything takes its place with the press: the panel closes, the card hangs. The answer then moves nothing.
async function send(parameters) {
  panel.sending = true;
  const known = new Set(store.tasks.map((each) => each.id));
  const sent = store.begin(parameters, price(parameters));
  document.getElementById("said")?.remove();
  panel.submitted();
  document.getElementById("now").scrollIntoView({ block: "nearest" });
  let task;
  let refused;
  try {
    task = await submit(parameters);
  } catch (refusal) {
    refused = refusal;
  }
  panel.sending = false;
  store.forget(sent, task);
  if (task && known.has(task.id)) tell("That one had arrived already; here it is. Press again for another.");
  if (refused) {
    // The keyboard went to the dock with the panel, and comes back with it.
    const held = document.activeElement;
    panel.refuse(refused.message, refused.fields);
    const lost = document.activeElement === held && (held === document.body || held.closest(".dd-dock"));
    if (lost) document.querySelector("#panel [data-generate]").focus();
  }
  purse.refresh();
}

// Image n of a task was drawn with seed + n, and is found again by that.
function alone({ parameters }, image) {
  const bent = parameters.variation_seed;
  const variation = bent === undefined ? {} : { variation_seed: bent + image.index };
  return { ...parameters, ...variation, seed: image.seed, samples: 1 };
}

const anew = (task) => ({ ...task.parameters, seed: -1 });
const imageActs = {
  reuse: (task, image) => panel.fill(alone(task, image)),
  variant: (task) => panel.fill({ ...anew(task), samples: 1 }),
  start: (task, image) => panel.startFrom(task, image),
  publish: (task, image) => deeds.publish(task, image),
  unpublish: (task, image) => deeds.unpublish(task, image),
  remove: (_task, image) => deeds.remove([image]),
  send: async (_task, image) => (await import("./plugins/sending.js")).sendImage(image),
};
const selection = new Selection(store, {
  pages,
  onPack: (images) => deeds.pack(images),
  onDelete: async (images) => (await deeds.remove(images)) && selection.stop(),
});
const timeline = new Timeline(store, {
  pages,
  selection,
  acts: {
    reuse: (task) => panel.fill(task.parameters),
    variant: (task) => panel.fill(anew(task)),
    edit: (task) => panel.fill(task.parameters),
    retry: (task) => panel.sending || send(task.parameters),
    cancel: (task) => deeds.cancel(task),
    pack: (task) => deeds.pack(task.images),
    "remove-all": (task) => deeds.remove(task.images),
    open: (task, image) => viewer.open(task, image),
    pick: (_task, image) => selection.pick(image),
    ...Object.fromEntries(Object.entries(imageActs).map(([name, act]) => [`image-${name}`, act])),
  },
});
const viewer = new Viewer(store, { pages, acts: imageActs, onClose: (task, image) => timeline.focus(task, image) });
new Progress(store, { onCancel: (task) => deeds.cancel(task) });
new Search(pages);
new Leaving(boot);

bring(panel);

const ideas = document.getElementById("ideas");
for (const prompt of panel.ideas.slice(0, 3)) {
  const { root, part } = clone("idea-template");
  part("prompt").textContent = prompt;
  root.querySelector("button").addEventListener("click", () => panel.fill({ prompt }));
  ideas.append(root);
}

const away = document.getElementById("away");
let trouble = 0;
new Live(store, {
  session: boot.session,
  scope: boot.scope,
  onState(state, detail) {
    if (state === "ended") {
      toTheDoor();
    } else if (state === "live") {
      if (!trouble) return;
      clearTimeout(trouble);
      trouble = 0;
      away.hidden = true;
      // What no event tells, and what was asked for while nobody answered.
      purse.refresh();
      timeline.reload();
    } else {
      const words = state === "away" ? detail : "The line to the server broke off. Trying again; nothing is lost.";
      // A line that comes back within a breath is no news.
      away.querySelector("div").textContent = words;
      // Every further try that fails says the same again, and must not put the news off.
      trouble ||= setTimeout(() => (away.hidden = false), 3000);
    }
  },
});
