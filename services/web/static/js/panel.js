// The control panel: values in, values out, price and time in the button, what is remembered between visits.

import { Dial } from "./dials.js";
import { about, span, tokens as countTokens } from "./format.js";
import { price, seconds } from "./price.js";
import { Shapes } from "./shapes.js";

const narrow = window.matchMedia("(max-width: 767.98px)");
const FALLBACK_IDEAS = ["A red house under a yellow sun", "A blue boat on a calm sea", "Three yellow rings on dark blue"];

export class Panel {
  #form = document.getElementById("panel");
  #dials = {};
  #models = [];
  #tokens;
  #key;
  #sending = false;
  #shapes;
  #store;

  constructor({ user, models, tokens, store, onSubmit }) {
    this.#key = `dd-panel-${user}`;
    this.#tokens = tokens;
    this.#store = store;
    for (const name of ["width", "height", "steps", "guidance", "samples"]) {
      this.#dials[name] = new Dial(this.#form, name);
    }
    this.#shapes = new Shapes({ ...this.#dials, form: this.#form, onChange: () => this.#changed() });
    for (const name of ["steps", "guidance", "samples"]) this.#dials[name].onInput(() => this.#changed());
    this.#wireFields();
    this.#wireSwitches();
    this.#wireOpening();
    const run = () => this.ready && onSubmit(this.values);
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      run();
    });
    document.getElementById("dock-generate").addEventListener("click", run);
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      run();
    });
    this.setModels(models);
    setInterval(() => this.#turnPlaceholder(), 8000);
  }

  get ideas() {
    const own = this.#model?.example_prompts || [];
    return own.length >= 3 ? own : FALLBACK_IDEAS;
  }

  get values() {
    const fields = this.#form.elements;
    const values = { prompt: fields.prompt.value.trim(), negative_prompt: fields.negative_prompt.value.trim() };
    if (fields.model.value) values.model = fields.model.value;
    if (fields.sampler.value) values.sampler = fields.sampler.value;
    for (const [name, dial] of Object.entries(this.#dials)) values[name] = dial.value;
    values.seed = fields.seed.value === "" || !fields.seed.validity.valid ? -1 : Number(fields.seed.value);
    return values;
  }

  // Why Generate cannot be pressed; null when it can.
  get obstacle() {
    if (!this.#models.length) return "no worker yet";
    const values = this.values;
    if (!values.prompt) return "write a prompt first";
    const cost = price(values);
    return cost > this.#tokens ? `${countTokens(cost)}, you have ${this.#tokens}` : null;
  }

  get ready() {
    return !this.#sending && this.obstacle === null;
  }

  set sending(value) {
    this.#sending = value;
    this.#show();
  }

  set tokens(value) {
    this.#tokens = value;
    this.#show();
  }

  get hasModels() {
    return this.#models.length > 0;
  }

  setModels(models) {
    if (JSON.stringify(models) === JSON.stringify(this.#models)) return;
    const first = !this.#models.length;
    this.#models = models;
    const select = this.#form.elements.model;
    const chosen = select.value;
    select.replaceChildren(...models.map((model) => new Option(model.title, model.name)));
    if (models.some((model) => model.name === chosen)) select.value = chosen;
    if (models.length) {
      const remembered = first ? this.#remembered() : this.values;
      this.#modelChosen({ keep: false });
      if (remembered) this.#put(remembered);
    }
    this.#turnPlaceholder();
    this.#show();
  }

  // Fills the panel and opens it; runs nothing.
  fill(parameters) {
    this.#put(parameters);
    this.#changed();
    this.open();
    this.#form.elements.prompt.focus();
  }

  refuse(message, fields = []) {
    const box = document.getElementById("refusal");
    box.hidden = !message;
    box.querySelector("div").textContent = message || "";
    const wrong = new Set(fields.map((each) => each.field));
    for (const field of this.#form.elements) {
      if (field.name) field.classList.toggle("is-invalid", wrong.has(field.name));
    }
    if (message) this.open();
  }

  submitted() {
    this.refuse("");
    if (narrow.matches || document.getElementById("pin-switch").getAttribute("aria-pressed") === "false") this.close();
  }

  open() {
    if (!narrow.matches) {
      document.body.dataset.panel = "open";
      return;
    }
    document.body.dataset.sheet = "open";
    for (const each of this.#rest) each.inert = true;
    document.getElementById("panel-close").focus();
  }

  close() {
    const inside = this.#form.contains(document.activeElement);
    if (narrow.matches) {
      document.body.dataset.sheet = "closed";
      for (const each of this.#rest) each.inert = false;
    } else {
      document.body.dataset.panel = "closed";
    }
    if (inside) document.getElementById("dock-open").focus();
  }

  get #rest() {
    return document.querySelectorAll(".dd-top, .dd-stage, .dd-dock");
  }

  get #model() {
    return this.#models.find((model) => model.name === this.#form.elements.model.value) || this.#models[0];
  }

  #wireFields() {
    const fields = this.#form.elements;
    for (const name of ["prompt", "negative_prompt", "seed"]) {
      fields[name].addEventListener("input", () => this.#changed());
    }
    fields.model.addEventListener("change", () => this.#modelChosen({ keep: true }));
    fields.sampler.addEventListener("change", () => this.#changed());
    document.getElementById("seed-random").addEventListener("click", () => {
      fields.seed.value = -1;
      this.#changed();
    });
    document.getElementById("seed-last").addEventListener("click", () => {
      fields.seed.value = this.#store.lastSeed ?? -1;
      this.#changed();
    });
    this.#store.onChange(() => this.#show());
  }

  #wireSwitches() {
    const remember = (button, key, apply) => {
      const set = (on) => {
        button.setAttribute("aria-pressed", String(on));
        apply(on);
      };
      set(localStorage.getItem(key) === "on");
      button.addEventListener("click", () => {
        const on = button.getAttribute("aria-pressed") !== "true";
        localStorage.setItem(key, on ? "on" : "off");
        set(on);
      });
    };
    remember(document.getElementById("help-switch"), "dd-help", (on) => {
      for (const help of this.#form.querySelectorAll(".dd-help")) help.hidden = !on;
    });
    remember(document.getElementById("pin-switch"), "dd-pin", () => {});
  }

  #wireOpening() {
    document.getElementById("panel-close").addEventListener("click", () => this.close());
    document.getElementById("dock-open").addEventListener("click", () => this.open());
    document.getElementById("dock-words").addEventListener("click", () => {
      this.open();
      this.#form.elements.prompt.focus();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && narrow.matches && document.body.dataset.sheet === "open") this.close();
    });
    // A sheet that was open when the window grew must not leave the page inert.
    narrow.addEventListener("change", () => {
      document.body.dataset.sheet = "closed";
      for (const each of this.#rest) each.inert = false;
    });
  }

  #modelChosen({ keep }) {
    const model = this.#model;
    const before = keep ? this.values : null;
    const { limits, defaults } = model;
    this.#form.elements.sampler.replaceChildren(...model.samplers.map((name) => new Option(name, name)));
    this.#shapes.limit(limits, defaults);
    this.#dials.steps.limit({ min: 1, max: limits.max_steps, step: 1 });
    this.#dials.guidance.limit({ min: 0, max: limits.max_guidance, step: 0.5 });
    this.#dials.samples.limit({ min: 1, max: limits.max_samples, step: 1 });
    this.#form.elements.prompt.maxLength = limits.max_prompt_chars;
    const help = document.getElementById("width-help");
    help.textContent = `In pixels. This model holds at most ${limits.max_size} × ${limits.max_size}.`;
    this.#put({ ...defaults, samples: 1, seed: -1, ...(before ? { ...before, model: model.name } : {}) });
    if (keep) this.#changed();
  }

  #put(parameters) {
    const fields = this.#form.elements;
    if (parameters.model && parameters.model !== fields.model.value) {
      if (this.#models.some((model) => model.name === parameters.model)) {
        fields.model.value = parameters.model;
        this.#modelChosen({ keep: false });
      }
    }
    for (const name of ["prompt", "negative_prompt", "seed"]) {
      if (parameters[name] !== undefined) fields[name].value = parameters[name];
    }
    if ([...fields.sampler.options].some((option) => option.value === parameters.sampler)) {
      fields.sampler.value = parameters.sampler;
    }
    for (const name of ["steps", "guidance", "samples"]) {
      if (parameters[name] !== undefined) this.#dials[name].value = parameters[name];
    }
    if (parameters.width) this.#shapes.set(parameters.width, parameters.height);
    if (parameters.locked !== undefined) this.#shapes.locked = parameters.locked;
  }

  #remembered() {
    try {
      return JSON.parse(localStorage.getItem(this.#key));
    } catch {
      return null;
    }
  }

  #changed() {
    localStorage.setItem(this.#key, JSON.stringify({ ...this.values, locked: this.#shapes.locked }));
    this.#show();
  }

  #show() {
    const values = this.values;
    const obstacle = this.obstacle;
    const time = this.#model ? seconds(values, this.#model.step_times) : null;
    for (const button of document.querySelectorAll("[data-generate]")) {
      const short = button.id === "dock-generate";
      button.disabled = obstacle !== null || this.#sending;
      button.setAttribute("aria-busy", String(this.#sending));
      const cost = button.querySelector("[data-cost]");
      const parts = [];
      if (this.#sending) {
        parts.push(Object.assign(document.createElement("span"), { className: "dd-spin" }));
      } else if (obstacle) {
        if (!short) parts.push(text(obstacle));
      } else {
        parts.push(text(countTokens(price(values))));
        if (time !== null) parts.push(text(short ? span(time) : about(time)));
      }
      cost.replaceChildren(...parts);
      cost.hidden = !parts.length;
    }
    const left = this.#tokens - price(values);
    document.getElementById("after").textContent =
      obstacle === null
        ? `leaves ${left} of ${countTokens(this.#tokens)}`
        : `${countTokens(this.#tokens)} left`;
    const most = this.#form.elements.prompt.maxLength;
    document.getElementById("prompt-count").textContent = `${this.#form.elements.prompt.value.length} / ${most}`;
    const words = document.getElementById("dock-words");
    words.textContent = values.prompt || "Write a prompt…";
    words.classList.toggle("is-blank", !values.prompt);
    document.getElementById("seed-last").disabled = this.#store.lastSeed === undefined;
  }

  #turnPlaceholder() {
    const prompt = this.#form.elements.prompt;
    if (prompt.value || document.activeElement === prompt) return;
    const ideas = this.ideas;
    const next = (ideas.indexOf(prompt.placeholder) + 1) % ideas.length;
    prompt.placeholder = ideas[next];
  }
}

function text(words) {
  return Object.assign(document.createElement("span"), { textContent: words });
}
