// The mask over the start image: where it is drawn anew. It belongs to that picture and goes with it.

import { encoded, fetched } from "./canvases.js";
import { layerOf, maskOf } from "./layers.js";
import { send, UPLOADS } from "./send.js";
import { late, Unusable } from "./unusable.js";

const id = (name) => document.getElementById(name);
const GONE = "The mask is gone: uploads are forgotten a day after they were last used. Paint it again.";

export class Mask {
  #start;
  #onChange;
  #onTold;
  #source = null;
  #layer = null;
  #coming = false;
  #under = "";
  #turn = 0;

  // start is the StartImage that it lies on; onChange hears of every change, onTold(sentence) of what a
  // person should know: one that was remembered is there no more.
  constructor({ start, onChange, onTold }) {
    this.#start = start;
    this.#onChange = onChange;
    this.#onTold = onTold;
    id("mask-paint").addEventListener("click", () => this.#paint());
    id("mask-remove").addEventListener("click", () => {
      this.remove();
      id("mask-paint").focus();
    });
  }

  // { upload_id }, as requests name it; null for none.
  get source() {
    return this.#source;
  }

  // The start image changed, or its picture came.
  follow() {
    if (this.#source && this.#under !== nameOf(this.#start.source)) this.remove();
    else this.#show();
  }

  // One that was remembered or used before, on the start image that stands there now.
  async restore(source) {
    if (nameOf(source) === nameOf(this.#source)) return;
    const turn = ++this.#turn;
    this.#place(source, null, { coming: true });
    try {
      const picture = await fetched(`${UPLOADS}/${source.upload_id}`);
      if (turn === this.#turn) this.#place(source, layerOf(picture));
    } catch (error) {
      if (turn !== this.#turn) return;
      if (error.status !== 404) {
        this.#coming = false;
        this.#show();
        return;
      }
      this.remove();
      this.#onTold(GONE);
    }
  }

  remove() {
    this.#turn += 1;
    this.#place(null, null);
  }

  async #paint() {
    try {
      const { paint } = await late(import("./brush.js"));
      paint(this.#start.picture, this.#layer, (layer) => this.#use(layer));
    } catch (error) {
      if (!(error instanceof Unusable)) throw error;
      this.#onTold(error.message);
    }
  }

  async #use(layer) {
    const turn = ++this.#turn;
    if (!layer) {
      this.remove();
      return;
    }
    const upload = await send(await encoded(maskOf(layer), "image/png"));
    if (turn === this.#turn) this.#place({ upload_id: upload.id }, layer);
  }

  // coming: there is one, and it is not here yet; whoever painted now would begin anew without knowing it.
  #place(source, layer, { coming = false } = {}) {
    this.#source = source;
    this.#layer = layer;
    this.#coming = coming;
    this.#under = nameOf(this.#start.source);
    this.#show();
    this.#onChange();
  }

  #show() {
    const there = this.#source !== null;
    id("mask-paint").disabled = !this.#start.picture || this.#start.busy || this.#coming;
    id("mask-paint-words").textContent = there ? "Change the mask" : "Paint a mask";
    id("mask-remove").hidden = !there;
    id("mask-words").textContent = there ? "Only what is hatched is drawn anew." : "";
    this.#start.tint = this.#layer;
  }
}

function nameOf(source) {
  return JSON.stringify(source);
}
