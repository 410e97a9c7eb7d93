// The studio page: what is wired to what.

import { ask, submit, toTheDoor } from "./http.js";
import { Live } from "./live.js";
import { Panel } from "./panel.js";
import { clone } from "./picture.js";
import { Progress } from "./progress.js";
import { ENDED, Store } from "./store.js";
import { Timeline } from "./timeline.js";
import { Viewer } from "./viewer.js";

const boot = JSON.parse(document.getElementById("studio").dataset.boot);
const store = new Store(boot.tasks);
const panel = new Panel({ ...boot, store, onSubmit: (values) => send(values) });

async function send(parameters) {
  panel.sending = true;
  try {
    const task = await submit(parameters);
    store.put([task]);
    panel.submitted();
    document.getElementById("said")?.remove();
    document.getElementById("now").scrollIntoView({ block: "nearest" });
  } catch (refusal) {
    panel.refuse(refusal.message, refusal.fields);
  } finally {
    panel.sending = false;
    refresh();
  }
}

async function cancel(id) {
  try {
    store.put([await ask(`/studio/tasks/${id}/cancel`, { method: "POST" })]);
  } catch (refusal) {
    panel.refuse(refusal.message);
  }
}

const anew = (task) => ({ ...task.parameters, seed: -1 });
const acts = {
  reuse: (task) => panel.fill(task.parameters),
  variant: (task) => panel.fill(anew(task)),
  edit: (task) => panel.fill(task.parameters),
  retry: (task) => send(task.parameters),
  open: (task, image) => viewer.open(task, image),
  imageReuse: (task, image) => panel.fill({ ...task.parameters, seed: image.seed, samples: 1 }),
  imageVariant: (task) => panel.fill({ ...anew(task), samples: 1 }),
};
const viewer = new Viewer(store, { reuse: acts.imageReuse, variant: acts.imageVariant });
const progress = new Progress(store, { onCancel: cancel });
new Timeline(store, acts);
progress.show();

// A link from the gallery brings a prompt along; once it stands in the panel the address is the studio's own again.
const brought = new URLSearchParams(location.search);
if (brought.get("prompt")) {
  panel.fill({ prompt: brought.get("prompt") });
  brought.delete("prompt");
  history.replaceState(null, "", brought.size ? `?${brought}` : location.pathname);
}

const ideas = document.getElementById("ideas");
for (const prompt of panel.ideas.slice(0, 3)) {
  const { root, part } = clone("idea-template");
  part("prompt").textContent = prompt;
  root.querySelector("button").addEventListener("click", () => panel.fill({ prompt }));
  ideas.append(root);
}

// The purse and the models, asked for again when something may have changed them. Never two questions at once; what
// changes while one is under way may have come too late for its answer, so another follows it.
let asking = false;
let again = false;
async function refresh() {
  again = asking;
  if (asking) return;
  asking = true;
  try {
    const state = await ask("/studio/state");
    panel.tokens = state.tokens;
    document.getElementById("purse").textContent = state.tokens;
    panel.setModels(state.models);
  } catch {
    // The page goes on with what it knew; the next event asks again.
  } finally {
    asking = false;
    if (again) refresh();
  }
}

// A task's money is settled a moment after it ended, so both changes are reason to look.
const money = new Map(store.tasks.map((task) => [task.id, purseState(task)]));
function purseState(task) {
  return `${ENDED.has(task.state)}-${task.settled}`;
}
let soon = 0;
store.onChange((ids) => {
  const moved = ids.filter((id) => money.get(id) !== purseState(store.get(id)));
  for (const id of moved) money.set(id, purseState(store.get(id)));
  if (!moved.length) return;
  clearTimeout(soon);
  soon = setTimeout(refresh, 200);
});
if (!panel.hasModels) {
  const wait = setInterval(async () => {
    await refresh();
    if (panel.hasModels) clearInterval(wait);
  }, 5000);
}

let cursor = boot.cursor;
const older = document.getElementById("older");
older.hidden = !cursor;
older.addEventListener("click", async () => {
  older.disabled = true;
  try {
    const page = await ask(`/studio/tasks?${new URLSearchParams({ cursor, scope: boot.scope })}`);
    store.put(page.tasks);
    cursor = page.cursor;
    older.hidden = !cursor;
  } catch (refusal) {
    panel.refuse(refusal.message);
  } finally {
    older.disabled = false;
  }
});

const away = document.getElementById("away");
let trouble = 0;
new Live(store, {
  session: boot.session,
  scope: boot.scope,
  onState(state, detail) {
    if (state === "ended") {
      toTheDoor();
    } else if (state === "live") {
      clearTimeout(trouble);
      trouble = 0;
      away.hidden = true;
    } else {
      const words = state === "away" ? detail : "The line to the server broke off. Trying again; nothing is lost.";
      // A line that comes back within a breath is no news.
      away.querySelector("div").textContent = words;
      // Every further try that fails says the same again, and must not put the news off.
      trouble ||= setTimeout(() => (away.hidden = false), 3000);
    }
  },
});
