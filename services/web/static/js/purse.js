// The purse and the models, asked for again when something may have changed them.

import { ask } from "./http.js";
import { ENDED } from "./store.js";

export class Purse {
  #panel;
  #asking = false;
  #again = false;

  constructor(store, panel) {
    this.#panel = panel;
    // A task's money is settled a moment after it ended, so both changes are reason to look.
    const money = new Map(store.tasks.map((task) => [task.id, standing(task)]));
    let soon = 0;
    store.onChange((ids) => {
      const known = ids.map((id) => store.get(id)).filter(Boolean);
      const moved = known.filter((task) => money.get(task.id) !== standing(task));
      for (const task of moved) money.set(task.id, standing(task));
      if (!moved.length) return;
      clearTimeout(soon);
      soon = setTimeout(() => this.refresh(), 200);
    });
    // Just after a start no worker may have been seen.
    if (panel.hasModels) return;
    const wait = setInterval(async () => {
      await this.refresh();
      if (panel.hasModels) clearInterval(wait);
    }, 5000);
  }

  // Never two questions at once; what changes while one is under way may have come too late for its answer, so another
  // follows it.
  async refresh() {
    this.#again = this.#asking;
    if (this.#asking) return;
    this.#asking = true;
    try {
      const state = await ask("/studio/state");
      this.#panel.tokens = state.tokens;
      document.getElementById("purse").textContent = state.tokens;
      this.#panel.setModels(state.models);
    } catch {
      // The page goes on with what it knew; the next event asks again.
    } finally {
      this.#asking = false;
      if (this.#again) this.refresh();
    }
  }
}

function standing(task) {
  return `${ENDED.has(task.state)}-${task.settled}`;
}
