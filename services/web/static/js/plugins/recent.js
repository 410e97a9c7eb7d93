// The person's own tasks of late, below the one that is open: where one looks for what ran on while the page was away.

import { when } from "../format.js";
import { clone } from "../picture.js";
import { chipInto, stateOf } from "./task.js";

const SHOWN = 12;
// As many as the host tells at once.
const MOST = 200;
const id = (name) => document.getElementById(name);

export class Recent {
  #host;
  #plugins;
  #onOpen;
  #open = null;

  // onOpen(open) is called with what Task.show takes.
  constructor(host, plugins, { onOpen }) {
    this.#host = host;
    this.#plugins = plugins;
    this.#onOpen = onOpen;
  }

  // Reads the list again; gives its tasks as Task.show takes them, none where the host does not answer.
  async load() {
    const found = await this.#listed(SHOWN);
    if (!found) return [];
    id("recent-list").replaceChildren(...found.map((each) => this.#row(each)));
    this.beside(this.#open);
    return found;
  }

  // One that is older than those that stand here; undefined where it is not to be found.
  async find(key) {
    return (await this.#listed(MOST))?.find((each) => each.id === key);
  }

  // The task that is open stands above already.
  beside(key) {
    this.#open = key;
    const rows = [...id("recent-list").children];
    for (const row of rows) row.hidden = row.dataset.task === key;
    id("recent").hidden = rows.every((row) => row.hidden);
  }

  async #listed(most) {
    try {
      const { tasks } = await this.#host.json(`/tasks/?limit=${most}`);
      return (Array.isArray(tasks) ? tasks : []).map((each) => this.#read(each)).filter(Boolean);
    } catch {
      // The rest of the page says so where it matters.
      return null;
    }
  }

  #read(task) {
    const path = taskPath(this.#host, task.href);
    if (!path) return null;
    const maker = (typeof task.taskName === "string" ? task.taskName : "").split(".", 1)[0];
    const plugin = this.#plugins.find((each) => each.identifier === maker);
    const name = plugin?.title ?? (maker.split("@", 1)[0] || "A task");
    return { ...path, name, maker: plugin?.name ?? maker.split("@", 1)[0], plugin, startedAt: task.startedAt, task };
  }

  #row(open) {
    const { root, part } = clone("recent-template");
    root.dataset.task = open.id;
    part("name").textContent = open.name;
    part("when").textContent = open.startedAt ? when(open.startedAt) : "";
    chipInto(part("chip"), stateOf(open.task));
    part("open").setAttribute("aria-label", `Open ${open.name}`);
    part("open").addEventListener("click", () => this.#onOpen(open));
    return root;
  }
}

// { id, path } of a task's address on the host; null for anything else.
export function taskPath(host, address) {
  const url = host.place(address);
  const [, path, key] = /^((?:\/[^?#]*)?\/tasks\/([A-Za-z0-9_-]+)\/)$/.exec(url?.pathname ?? "") ?? [];
  return key ? { id: key, path } : null;
}
