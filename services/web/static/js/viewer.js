// The viewer: one picture large, its facts and what can be done with it.

import { clamp, clampable } from "./clamp.js";
import { size, when } from "./format.js";
import { facts } from "./picture.js";

const id = (name) => document.getElementById(name);

export class Viewer {
  #pages;
  #acts;
  #onClose;
  #dialog = id("viewer");
  #task = null;
  #image = null;
  #at = 0;
  #neighbours = [];
  #told = "";

  // acts: reuse, variant, start, publish, unpublish, remove, send, each called with (task, image); onClose(task id, image
  // id) hears which picture was looked at last.
  constructor(store, { pages, acts, onClose }) {
    this.#pages = pages;
    this.#acts = acts;
    this.#onClose = onClose;
    id("viewer-close").addEventListener("click", () => this.#dialog.close());
    id("viewer-back").addEventListener("click", () => this.#turn(-1));
    id("viewer-on").addEventListener("click", () => this.#turn(1));
    for (const name of ["reuse", "variant", "start"]) {
      id(`viewer-${name}`).addEventListener("click", () => this.#leaveTo(acts[name]));
    }
    for (const name of ["publish", "unpublish", "remove", "send"]) {
      // A site without plugins has nowhere to send to.
      id(`viewer-${name}`)?.addEventListener("click", () => this.#do(acts[name]));
    }
    clampable(id("viewer-prompt"), id("viewer-whole"));
    // On the document: a button that was disabled while it was pressed has let the keyboard go.
    document.addEventListener("keydown", (event) => {
      // Of several dialogs the one in front has the keys.
      if (this.#dialog.open && document.querySelectorAll("dialog[open]").length === 1) this.#key(event);
    });
    this.#dialog.addEventListener("close", () => this.#closed());
    store.onChange(() => this.#dialog.open && this.#show());
  }

  open(task, image) {
    [this.#task, this.#image] = [task.id, image.id];
    this.#show();
    this.#dialog.showModal();
  }

  // Every picture of the timeline, in the order it hangs there.
  get #all() {
    return this.#pages.tasks.flatMap((task) => task.images.map((image) => ({ task, image })));
  }

  get #current() {
    return this.#all.find(({ image }) => image.id === this.#image);
  }

  async #turn(by) {
    const next = this.#all[this.#at + by];
    if (!next) return;
    [this.#task, this.#image] = [next.task.id, next.image.id];
    this.#show();
    // Whoever comes near the end may go on.
    if (this.#at + 3 > this.#all.length && this.#pages.more) {
      await this.#pages.older().catch(() => {}); // The timeline says what is wrong when it is scrolled.
      if (this.#dialog.open) this.#show();
    }
  }

  // To the panel, which stands behind the viewer.
  #leaveTo(act) {
    const { task, image } = this.#current;
    this.#dialog.close("left");
    act(task, image);
  }

  // What was not drawn here cannot be drawn again.
  #redraw(act) {
    if (!this.#current.task.imported_from) this.#leaveTo(act);
  }

  async #do(act) {
    const { task, image } = this.#current;
    await act(task, image);
  }

  #closed() {
    this.#neighbours = [];
    if (this.#dialog.returnValue !== "left") this.#onClose(this.#task, this.#image);
    this.#dialog.returnValue = "";
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = {
      ArrowLeft: () => this.#turn(-1),
      ArrowRight: () => this.#turn(1),
      Delete: () => this.#do(this.#acts.remove),
      s: () => id("viewer-save").click(),
      a: () => this.#redraw(this.#acts.reuse),
      r: () => this.#redraw(this.#acts.variant),
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  #show() {
    const all = this.#all;
    let at = all.findIndex(({ image }) => image.id === this.#image);
    if (at < 0) {
      // Deleted, here or elsewhere: the picture that moved up stands in its place.
      at = Math.min(this.#at, all.length - 1);
      if (at < 0) {
        this.#dialog.close();
        return;
      }
      [this.#task, this.#image] = [all[at].task.id, all[at].image.id];
    }
    this.#at = at;
    const { task, image } = all[at];
    this.#picture(task, image);
    this.#about(task, image);
    const held = document.activeElement;
    id("viewer-back").disabled = at === 0;
    id("viewer-on").disabled = at === all.length - 1;
    if (held?.disabled && this.#dialog.contains(held)) id("viewer-close").focus();
    this.#strip(task, image);
    // Held, so that the browser keeps them until they are turned to.
    const near = [all[at + 1], all[at - 1]].filter(Boolean).map((each) => each.image.medium_url);
    if (near.join() === this.#neighbours.map((each) => each.getAttribute("src")).join()) return;
    this.#neighbours = near.map((src) => Object.assign(new Image(), { src }));
  }

  // The thumbnail at once, and the picture itself when it has come: in the same place, so nothing jumps.
  #picture(task, image) {
    const shown = id("viewer-image");
    if (shown.dataset.image === image.id) return;
    shown.dataset.image = image.id;
    const { width, height, medium_url: src } = image;
    Object.assign(shown, { src, width, height, alt: task.parameters.prompt });
    // Never more than three times its own pixels: beyond that it only grows blurred.
    shown.style.setProperty("--dd-own", `${width * 3}px`);
    shown.style.setProperty("--dd-aspect", width / height);
    const whole = Object.assign(new Image(), { src: image.url });
    whole.decode().then(
      () => shown.dataset.image === image.id && (shown.src = image.url),
      () => {}, // The thumbnail stays; it is the same picture.
    );
  }

  #about(task, image) {
    const { parameters, images } = task;
    const at = images.indexOf(image);
    const count = `${at + 1} of ${images.length}`;
    // A line that is read out: the same again would be read again.
    if (id("viewer-count").textContent !== count) id("viewer-count").textContent = count;
    this.#dialog.setAttribute("aria-label", `Picture ${count}`);
    const words = id("viewer-prompt");
    if (words.textContent !== parameters.prompt) {
      words.textContent = parameters.prompt;
      clamp(words);
    }
    this.#swap(image.published);
    // Made anew only where something changed: what is selected in it would be lost.
    const told = JSON.stringify([image.id, task.revision, image.published, image.hidden]);
    if (told === this.#told) return;
    this.#told = told;
    const maker = task.imported_from;
    for (const name of ["reuse", "variant"]) id(`viewer-${name}`).hidden = Boolean(maker);
    const drawn = [
      ...(parameters.negative_prompt ? [["Without", parameters.negative_prompt]] : []),
      ["Seed", image.seed],
      ["Steps", parameters.steps],
      ["Guidance", parameters.guidance],
      ["Sampler", parameters.sampler],
      ...(parameters.strength === undefined ? [] : [["Strength", parameters.strength]]),
      ["Size", size(image)],
      ["Model", parameters.model],
      ["Asked", when(task.created_at)],
    ];
    const brought = [["From", maker], ["Size", size(image)], ["Added", when(task.created_at)]];
    facts(id("viewer-facts"), [
      ...(maker ? brought : drawn),
      ...(image.published ? [["Gallery", image.hidden ? "published, hidden by staff" : "published"]] : []),
    ]);
    id("viewer-save").href = `${image.url}?download`;
    id("viewer-save").setAttribute("download", "");
  }

  // One of the two buttons is there; the keyboard goes from one to the other with what it did.
  #swap(published) {
    const [there, gone] = published ? ["unpublish", "publish"] : ["publish", "unpublish"];
    const held = document.activeElement === id(`viewer-${gone}`);
    id(`viewer-${there}`).hidden = false;
    id(`viewer-${gone}`).hidden = true;
    if (held) id(`viewer-${there}`).focus();
  }

  #strip(task, current) {
    const strip = id("viewer-strip");
    const shown = task.images.map((image) => image.id).join(" ");
    if (strip.dataset.shown !== shown) {
      strip.dataset.shown = shown;
      strip.replaceChildren(...task.images.map((image, at) => this.#small(image, at)));
    }
    // The room stays where there is a single picture, so that the large one does not move from task to task.
    strip.classList.toggle("is-alone", task.images.length < 2);
    task.images.forEach((image, at) => {
      if (image.id === current.id) strip.children[at].setAttribute("aria-current", "true");
      else strip.children[at].removeAttribute("aria-current");
    });
  }

  #small(image, at) {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.setAttribute("aria-label", `Picture ${at + 1}`);
    button.append(Object.assign(new Image(image.width, image.height), { src: image.thumbnail_url, alt: "" }));
    button.addEventListener("click", () => {
      this.#image = image.id;
      this.#show();
    });
    return button;
  }
}
