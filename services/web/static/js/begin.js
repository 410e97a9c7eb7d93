// What a picture is begun from: a start image, how much of it changes, and where.

import { Dial } from "./dials.js";
import { Mask } from "./mask.js";
import { StartImage } from "./start.js";

const id = (name) => document.getElementById(name);
// What the server takes when nothing is said.
const STRENGTH = 0.8;
const STRENGTH_WITH_MASK = 1;
const LEAST_STRENGTH = 0.01;

export class Beginning {
  #start;
  #mask;
  #strength;
  #usual = STRENGTH;
  #onChange;
  #model = null;

  // onChange hears of every change, onTold(sentence) of a picture that is there no more, onShape(width, height) when
  // the start image's own shape is wanted.
  constructor({ form, onChange, onTold, onShape }) {
    this.#onChange = onChange;
    this.#start = new StartImage({
      mostSide: () => this.#model?.limits.max_size ?? 2048,
      onChange: () => this.#changed(),
      onTold,
    });
    this.#mask = new Mask({ start: this.#start, onChange: () => this.#changed(), onTold });
    this.#strength = new Dial(form, "strength");
    this.#strength.limit({ min: LEAST_STRENGTH, max: 1, step: null, coarse: 0.01 });
    this.#strength.value = STRENGTH;
    this.#strength.onInput(() => onChange());
    id("start-shape").addEventListener("click", () => {
      const { width, height } = this.#start.picture;
      onShape(width, height);
    });
    this.#show();
  }

  limit(model) {
    this.#model = model;
    this.#show();
  }

  take(file) {
    return this.#start.take(file);
  }

  from(image) {
    this.#start.from(image);
    id("strength-dial").focus();
  }

  get values() {
    const values = {};
    if (!this.#start.source) return values;
    values.start_image = this.#start.source;
    values.strength = this.#strength.value;
    if (this.#mask.source) values.mask = this.#mask.source;
    return values;
  }

  // What is remembered between visits: the same, and what stands beside the picture.
  get kept() {
    return { ...this.values, start_words: this.#start.words };
  }

  problems({ steps }) {
    const found = new Map();
    if (!this.#start.source) return found;
    if (this.#strength.problem) found.set("strength", this.#strength.problem);
    else if (Math.floor(steps * this.#strength.value) < 1) found.set("strength", "Strength × steps: at least 1");
    return found;
  }

  // What has to come before it can be sent; null when nothing has.
  get wanting() {
    if (this.#start.busy) return "the picture is on its way";
    if (!this.#model?.inpainting_only) return null;
    if (!this.#start.source) return "choose a start image first";
    return this.#mask.source ? null : "paint a mask first";
  }

  // Where to go on for that.
  get next() {
    return id(this.#start.busy ? "start-remove" : this.#start.source ? "mask-paint" : "start-choose");
  }

  // `whole` is true for all settings of a picture: what they do not name was not there.
  put({ start_image: start, start_words: words, mask, strength }, whole) {
    if (start) this.#start.restore(start, words);
    else if (whole) this.#start.remove();
    if (start && mask) this.#mask.restore(mask);
    else if (start || whole) this.#mask.remove();
    if (typeof strength === "number") this.#strength.value = strength;
    this.#show();
  }

  #changed() {
    this.#mask?.follow();
    // The usual strength goes with the mask, as the server's does; a strength that somebody chose stays.
    const usual = this.#mask?.source ? STRENGTH_WITH_MASK : STRENGTH;
    if (usual !== this.#usual && this.#strength?.value === this.#usual) this.#strength.value = usual;
    this.#usual = usual;
    this.#show();
    this.#onChange();
  }

  #show() {
    const there = Boolean(this.#start?.source);
    id("start-tools").hidden = !there && !this.#start?.picture;
    id("start-shape").disabled = !this.#start?.picture;
    id("strength-part").hidden = !there;
    const filler = id("start-filler");
    filler.hidden = !this.#model?.inpainting_only;
  }
}
