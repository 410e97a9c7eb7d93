// The results of a task: each with a look at it, its way into the timeline, to a file, or on to another plugin.

import { Refusal, toTheDoor } from "../http.js";
import { tell } from "../notice.js";
import { clone } from "../picture.js";
import { preview } from "./choosing.js";
import { sendTo } from "./sending.js";

const MOST_BYTES = 20 * 2 ** 20;
const SHOWN = /^image\/(png|jpeg|webp|gif)$/i;
const KEPT = /^image\/(png|jpeg|webp)$/i;
const DRAWN = "image/generated";
// The plugins that have the studio draw; another may call its files what it likes.
const DRAWING = new Set(["text-to-image", "image-to-image", "prompt-matrix"]);
const TEXTS = /^(text\/(?!html)|application\/([\w.+-]*\+)?json)/i;

export class Outs {
  #list = document.getElementById("task-outs");
  #host;
  #plugins;
  #shown = "";

  constructor(host, plugins) {
    this.#host = host;
    this.#plugins = plugins;
  }

  // maker: the name of the plugin that put them out.
  show(results, { taskId, maker }) {
    const shown = JSON.stringify([taskId, results.map((each) => each.href)]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const rows = results.map((each, at) => this.#row(each, { query: { result: `${taskId}/${at}` }, maker }));
    this.#list.replaceChildren(...rows);
  }

  #row(result, { query, maker }) {
    const { root, part } = clone("out-template");
    const name = result.filename;
    part("name").textContent = name;
    part("about").textContent = `${result.contentType}, ${result.dataType}`;
    const picture = SHOWN.test(result.contentType);
    part("image").hidden = !picture;
    part("blank").hidden = picture;
    if (picture) Object.assign(part("image"), { src: result.href, alt: name });
    const [look, save, add, send] = ["look", "save", "add", "send"].map(part);
    look.hidden = !picture && !TEXTS.test(result.contentType);
    look.setAttribute("aria-label", `Look at ${name}`);
    look.addEventListener("click", () => preview(this.#host, result));
    save.setAttribute("aria-label", `Download ${name}`);
    save.addEventListener("click", () => this.#save(result, save));
    // What was drawn here hangs there already.
    const drawn = result.dataType === DRAWN && DRAWING.has(maker);
    part("there").hidden = !drawn;
    add.hidden = !KEPT.test(result.contentType) || drawn;
    add.addEventListener("click", () => this.#add(result, maker, add, part("there")));
    send.setAttribute("aria-label", `Send ${name} to a plugin`);
    send.addEventListener("click", () => sendTo(`Send ${name} to a plugin`, result, query, this.#plugins));
    return root;
  }

  // The host is another origin, whose files a link alone would only open.
  async #save(result, button) {
    await busy(button, async () => {
      const href = URL.createObjectURL(await this.#host.blob(result.href, Infinity));
      const link = Object.assign(document.createElement("a"), { href, download: result.filename });
      link.click();
      setTimeout(() => URL.revokeObjectURL(href), 60_000);
    });
  }

  async #add(result, maker, button, there) {
    await busy(button, async () => {
      const blob = await this.#host.blob(result.href, MOST_BYTES);
      const query = new URLSearchParams({ title: result.filename, from: maker, output: result.href });
      await bring(query, blob);
      const held = document.activeElement === button;
      button.hidden = true;
      there.hidden = false;
      if (held) there.focus();
      tell(`${result.filename} is in your timeline.`);
    });
  }
}

async function bring(query, body) {
  const token = document.querySelector('meta[name="csrf-token"]').content;
  const headers = { Accept: "application/json", "X-CSRFToken": token, "Content-Type": "application/octet-stream" };
  const answer = await fetch(`/plugins/imports?${query}`, { method: "POST", headers, body }).catch(() => {
    throw new Refusal(0, { detail: "The server does not answer. It may have been added; press again, it comes once." });
  });
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return;
  if (answer.status === 401) toTheDoor();
  throw new Refusal(answer.status, said);
}

async function busy(button, deed) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    await deed();
  } catch (refusal) {
    tell(refusal.message, { refused: true });
  } finally {
    button.removeAttribute("aria-disabled");
  }
}
