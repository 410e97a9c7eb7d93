// The data that this person can give to a plugin: pictures of their timeline, by links, and results of their plugins.

import { ask } from "../http.js";

export const PICTURE = { dataType: "image/generated", contentType: "image/png" };
const MOST_RESULTS = 50;
// A link that ends sooner is made anew: what it is given to may take a while.
const LASTS_MS = 2 * 3_600_000;

export class Data {
  #host;
  #known = new Map();
  #links = new Map();

  constructor(host) {
    this.#host = host;
  }

  // A page of the timeline's pictures: { pictures: [{ task, image }], cursor }.
  async pictures(cursor) {
    const query = new URLSearchParams({ scope: "all", ...(cursor ? { cursor } : {}) });
    const page = await ask(`/studio/tasks?${query}`);
    const pictures = page.tasks.flatMap((task) => task.images.map((image) => ({ task, image })));
    return { pictures, cursor: page.cursor };
  }

  // What plugins put out lately, newest first; each with the `task` it is of. Only what lies on the host.
  async results() {
    const { tasks } = await this.#host.json(`/tasks/?limit=${MOST_RESULTS}`);
    const found = (Array.isArray(tasks) ? tasks : []).flatMap((task) => outputs(task, this.#host));
    for (const each of found) this.#known.set(each.href, each);
    return found;
  }

  // A picture of the timeline as data: a link that ends a day after it was made.
  async link(imageId, words) {
    const had = this.#links.get(imageId);
    if (had && had.ends - Date.now() > LASTS_MS) return had.data;
    const { url, expires_at: ends } = await ask("/plugins/links", { method: "POST", body: { image: imageId } });
    const made = { href: url, ...PICTURE, filename: fileName(words), version: 1 };
    this.#links.set(imageId, { data: made, ends: Date.parse(ends) });
    this.#known.set(url, made);
    return made;
  }

  // What an address stands for; null where nobody here knows.
  async about(href) {
    if (this.#known.has(href)) return this.#known.get(href);
    const url = this.#host.place(href);
    const ours = !url && isLink(href);
    if (!url && !ours) return null;
    const asked = url?.href ?? href;
    const answer = await fetch(asked, { method: "HEAD", credentials: "omit" }).catch(() => null);
    if (!answer?.ok) return null;
    const told = {
      href,
      dataType: answer.headers.get("X-Data-Type") ?? "*",
      contentType: (answer.headers.get("Content-Type") ?? "*").split(";", 1)[0],
      filename: named(answer.headers.get("Content-Disposition")) ?? "a file",
      version: 1,
    };
    this.#known.set(href, told);
    return told;
  }
}

// The outputs of a task, as far as they lie on the host; whatever else a plugin writes there is passed over.
export function outputs(task, host) {
  const listed = Array.isArray(task.outputs) ? task.outputs : [];
  return listed
    .filter((each) => each && typeof each.href === "string" && host.place(each.href))
    .map((each) => ({
      href: host.place(each.href).href,
      dataType: text(each.dataType) || "*",
      contentType: text(each.contentType) || "application/octet-stream",
      filename: text(each.name) || "result",
      version: 1,
      task,
    }));
}

export function isLink(href) {
  try {
    const url = new URL(href);
    return url.origin === location.origin && url.pathname.startsWith("/linked/");
  } catch {
    return false;
  }
}

function text(value) {
  return typeof value === "string" ? value.slice(0, 300) : "";
}

function fileName(words) {
  const plain = (words ?? "").replace(/\.(png|jpe?g|webp)$/i, "").replace(/[\\/:*?"<>|\p{C}]+/gu, " ");
  return `${plain.trim().slice(0, 60) || "picture"}.png`;
}

function named(disposition) {
  return /filename="([^"]+)"/.exec(disposition ?? "")?.[1];
}
