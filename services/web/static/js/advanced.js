// What few pictures need: variation, guidance rescale, clip skip, LoRAs. Folded away, and remembered as it was left.

import { Dial } from "./dials.js";
import { keep, recall } from "./kept.js";
import { Loras } from "./loras.js";
import { Seed } from "./seed.js";

const id = (name) => document.getElementById(name);
const OPEN = "dd-advanced";
const SHARES = ["variation_strength", "guidance_rescale"];

export class Advanced {
  #seed;
  #dials = {};
  #loras;
  #clips = 0;

  constructor({ form, onChange }) {
    for (const name of [...SHARES, "clip_skip"]) {
      this.#dials[name] = new Dial(form, name);
      this.#dials[name].onInput(onChange);
    }
    for (const name of SHARES) this.#dials[name].limit({ min: 0, max: 1, step: null, coarse: 0.05 });
    this.#dials.clip_skip.limit({ min: 0, max: 0, step: 1 });
    for (const dial of Object.values(this.#dials)) dial.value = 0;
    this.#loras = new Loras({ onChange });
    this.#seed = new Seed(form.elements.variation_seed, "Variation seed", onChange);
    const box = id("advanced");
    box.open = recall(OPEN) === "on";
    box.addEventListener("toggle", () => keep(OPEN, box.open ? "on" : "off"));
  }

  limit({ limits, adapters }) {
    this.#clips = limits.max_clip_skip || 0;
    id("clip-part").hidden = !this.#clips;
    this.#dials.clip_skip.limit({ min: 0, max: this.#clips, step: 1 });
    this.#loras.limit(adapters || []);
  }

  // Only what is used: what is left out is the server's 0, and what has no meaning without another is not sent.
  get values() {
    const values = {};
    const variation = this.#dials.variation_strength.value;
    if (variation !== 0) Object.assign(values, { variation_strength: variation, variation_seed: this.#seed.value });
    if (this.#dials.guidance_rescale.value !== 0) values.guidance_rescale = this.#dials.guidance_rescale.value;
    if (this.#clips && this.#dials.clip_skip.value !== 0) values.clip_skip = this.#dials.clip_skip.value;
    if (this.#loras.value.length) values.adapters = this.#loras.value;
    return values;
  }

  get problems() {
    const found = new Map();
    const used = this.values;
    for (const [name, dial] of Object.entries(this.#dials)) if (name in used && dial.problem) found.set(name, dial.problem);
    if ("variation_seed" in used && this.#seed.problem) found.set("variation_seed", this.#seed.problem);
    if (this.#loras.problem) found.set("adapters", this.#loras.problem);
    return found;
  }

  // `whole` is true for all settings of a picture: what they do not name was not used.
  put(parameters, whole) {
    for (const [name, dial] of Object.entries(this.#dials)) {
      if (typeof parameters[name] === "number") dial.value = parameters[name];
      else if (whole) dial.value = 0;
    }
    if (typeof parameters.variation_seed === "number") this.#seed.value = parameters.variation_seed;
    else if (whole) this.#seed.value = -1;
    if (parameters.adapters || whole) this.#loras.value = parameters.adapters || [];
  }

  // How many are in use, beside the word that unfolds them.
  show() {
    const count = Object.keys(this.values).filter((name) => name !== "variation_seed").length;
    id("advanced-count").textContent = count ? `${count} in use` : "";
  }
}
