// The viewer: one picture large, its facts and what can be done with it.

import { clamp, clampable } from "./clamp.js";
import { size, when } from "./format.js";
import { facts } from "./picture.js";

const id = (name) => document.getElementById(name);

export class Viewer {
  #store;
  #acts;
  #dialog = id("viewer");
  #task = null;
  #image = null;

  // acts: reuse(task, image), variant(task, image)
  constructor(store, acts) {
    this.#store = store;
    this.#acts = acts;
    id("viewer-close").addEventListener("click", () => this.#dialog.close());
    id("viewer-back").addEventListener("click", () => this.#turn(-1));
    id("viewer-on").addEventListener("click", () => this.#turn(1));
    id("viewer-reuse").addEventListener("click", () => this.#leaveTo(acts.reuse));
    id("viewer-variant").addEventListener("click", () => this.#leaveTo(acts.variant));
    clampable(id("viewer-prompt"), id("viewer-whole"));
    this.#dialog.addEventListener("keydown", (event) => this.#key(event));
    store.onChange(() => this.#dialog.open && this.#show());
  }

  open(task, image) {
    [this.#task, this.#image] = [task.id, image.id];
    this.#show();
    this.#dialog.showModal();
  }

  // Every picture of the timeline, in the order it hangs there.
  get #all() {
    return this.#store.tasks.flatMap((task) => task.images.map((image) => ({ task, image })));
  }

  #turn(by) {
    const all = this.#all;
    const at = all.findIndex(({ image }) => image.id === this.#image);
    const next = all[at + by];
    if (!next) return;
    [this.#task, this.#image] = [next.task.id, next.image.id];
    this.#show();
  }

  #leaveTo(act) {
    const task = this.#store.get(this.#task);
    const image = task.images.find((each) => each.id === this.#image);
    this.#dialog.close();
    act(task, image);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = {
      ArrowLeft: () => this.#turn(-1),
      ArrowRight: () => this.#turn(1),
      s: () => id("viewer-save").click(),
      a: () => this.#leaveTo(this.#acts.reuse),
      r: () => this.#leaveTo(this.#acts.variant),
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  #show() {
    const task = this.#store.get(this.#task);
    const { parameters, images } = task;
    const image = images.find((each) => each.id === this.#image);
    const picture = id("viewer-image");
    Object.assign(picture, { src: image.url, width: image.width, height: image.height, alt: parameters.prompt });
    // Never more than three times its own pixels: beyond that it only grows blurred.
    picture.style.setProperty("--dd-own", `${image.width * 3}px`);
    picture.style.setProperty("--dd-aspect", image.width / image.height);
    const at = images.indexOf(image);
    id("viewer-count").textContent = `${at + 1} of ${images.length}`;
    this.#dialog.setAttribute("aria-label", `Picture ${at + 1} of ${images.length}`);
    const words = id("viewer-prompt");
    if (words.textContent !== parameters.prompt) {
      words.textContent = parameters.prompt;
      clamp(words);
    }
    facts(id("viewer-facts"), [
      ...(parameters.negative_prompt ? [["Without", parameters.negative_prompt]] : []),
      ["Seed", image.seed],
      ["Steps", parameters.steps],
      ["Guidance", parameters.guidance],
      ["Sampler", parameters.sampler],
      ["Size", size(image)],
      ["Model", parameters.model],
      ["Asked", when(task.created_at)],
    ]);
    id("viewer-save").href = `${image.url}?download`;
    id("viewer-save").setAttribute("download", "");
    const all = this.#all;
    const place = all.findIndex((each) => each.image.id === image.id);
    id("viewer-back").disabled = place === 0;
    id("viewer-on").disabled = place === all.length - 1;
    this.#strip(task, image);
  }

  #strip(task, current) {
    const strip = id("viewer-strip");
    strip.hidden = task.images.length < 2;
    strip.replaceChildren(
      ...task.images.map((image, at) => {
        const button = Object.assign(document.createElement("button"), { type: "button" });
        button.setAttribute("aria-label", `Picture ${at + 1}`);
        if (image === current) button.setAttribute("aria-current", "true");
        const small = Object.assign(new Image(image.width, image.height), { src: image.thumbnail_url, alt: "" });
        button.append(small);
        button.addEventListener("click", () => {
          this.#image = image.id;
          this.#show();
        });
        return button;
      }),
    );
  }
}
