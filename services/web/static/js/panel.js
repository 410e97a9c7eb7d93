// The control panel: values in, values out, price and time in the button, what is remembered between visits.

import { Dial } from "./dials.js";
import { tokens as countTokens } from "./format.js";
import { showGenerate } from "./generate.js";
import { Lexicon } from "./lexicon.js";
import { Marks } from "./marks.js";
import { Opening } from "./opening.js";
import { price, seconds } from "./price.js";
import { Shapes } from "./shapes.js";
import { wireSwitches } from "./switches.js";

const MOST_CHARACTERS = 512;
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
  #marks = new Marks(this.#form);
  #opening = new Opening(this.#form);
  #lexicon = new Lexicon();
  #most = MOST_CHARACTERS;
  #draft = null;

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
    wireSwitches(this.#form);
    const run = () => {
      if (this.ready) onSubmit(this.values);
      else if (!this.#sending) this.#showObstacle();
    };
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
    values.seed = fields.seed.value === "" ? NaN : Number(fields.seed.value);
    return values;
  }

  // What cannot be sent as it stands: the fields' names, each with words for the button.
  get #problems() {
    const { prompt, negative_prompt: negative, seed } = this.values;
    const found = new Map();
    if (length(prompt) > this.#most) found.set("prompt", tooMany(length(prompt) - this.#most));
    if (length(negative) > this.#most) {
      found.set("negative_prompt", `Negative prompt: ${tooMany(length(negative) - this.#most)}`);
    }
    for (const [name, dial] of Object.entries(this.#dials)) if (dial.problem) found.set(name, dial.problem);
    if (seed > Number.MAX_SAFE_INTEGER) found.set("seed", "Seed: that is too large");
    else if (!Number.isInteger(seed) || seed < -1) found.set("seed", "Seed: −1 or 0, 1, 2, …");
    return found;
  }

  // Why Generate cannot be pressed; null when it can.
  get obstacle() {
    if (!this.#models.length) return "no worker yet";
    const values = this.values;
    if (!values.prompt) return "write a prompt first";
    const [problem] = this.#problems.values();
    if (problem) return problem;
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
    const prompt = this.values.prompt;
    // What was neither sent nor offered by us is the person's own, and not lost to a press.
    const known = [parameters.prompt, ...this.ideas, ...this.#store.tasks.map((task) => task.parameters.prompt)];
    if (prompt && !known.includes(prompt)) this.#draft = this.#kept;
    this.#put(parameters);
    this.#changed();
    this.open();
    this.#form.elements.prompt.focus();
  }

  refuse(message, fields = []) {
    this.#say(message, fields);
    this.#show();
    this.open();
    this.#marks.first?.focus();
  }

  submitted() {
    this.#say("", []);
    this.#show();
    this.#opening.submitted();
  }

  open() {
    this.#opening.open();
  }

  #say(message, fields) {
    const box = document.getElementById("refusal");
    box.hidden = !message;
    box.querySelector("div").textContent = message;
    this.#marks.refuse(fields);
  }

  #showObstacle() {
    this.open();
    (this.#marks.first || this.#form.elements.prompt).focus();
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
    document.getElementById("draft-back").addEventListener("click", () => {
      const draft = this.#draft;
      this.#draft = null;
      this.#put(draft);
      this.#changed();
      fields.prompt.focus();
    });
    this.#store.onChange(() => this.#show());
  }

  #modelChosen({ keep }) {
    const model = this.#model;
    const before = keep ? this.values : null;
    const { limits, defaults } = model;
    this.#form.elements.sampler.replaceChildren(...model.samplers.map((name) => new Option(name, name)));
    this.#shapes.limit(limits, defaults);
    this.#dials.steps.limit({ min: 1, max: limits.max_steps, step: 1 });
    this.#dials.guidance.limit({ min: 0, max: limits.max_guidance, step: null, coarse: 0.5 });
    this.#dials.samples.limit({ min: 1, max: limits.max_samples, step: 1 });
    this.#most = Math.min(MOST_CHARACTERS, limits.max_prompt_chars || MOST_CHARACTERS);
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
      if (given(parameters[name])) fields[name].value = parameters[name];
    }
    if ([...fields.sampler.options].some((option) => option.value === parameters.sampler)) {
      fields.sampler.value = parameters.sampler;
    }
    for (const name of ["steps", "guidance", "samples"]) {
      if (given(parameters[name])) this.#dials[name].value = parameters[name];
    }
    if (parameters.width && parameters.height) this.#shapes.set(parameters.width, parameters.height);
    if (parameters.locked !== undefined) this.#shapes.locked = parameters.locked;
  }

  #remembered() {
    try {
      return JSON.parse(localStorage.getItem(this.#key));
    } catch {
      return null;
    }
  }

  get #kept() {
    return { ...this.values, locked: this.#shapes.locked };
  }

  #changed() {
    localStorage.setItem(this.#key, JSON.stringify(this.#kept));
    // What the server said, it said of what stood here before.
    this.#say("", []);
    this.#show();
  }

  #show() {
    const values = this.values;
    const obstacle = this.obstacle;
    this.#marks.show(this.#problems);
    const time = this.#model ? seconds(values, this.#model.step_times) : null;
    showGenerate({ obstacle, sending: this.#sending, tokens: price(values), time });
    const left = this.#tokens - price(values);
    document.getElementById("after").textContent =
      obstacle === null
        ? `leaves ${left} of ${countTokens(this.#tokens)}`
        : `${countTokens(this.#tokens)} left`;
    const count = document.getElementById("prompt-count");
    count.textContent = `${length(values.prompt)} / ${this.#most}`;
    count.classList.toggle("is-over", length(values.prompt) > this.#most);
    this.#lexicon.show(values.prompt, this.#model);
    document.getElementById("draft-back").hidden = !this.#draft;
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

// Characters as the server counts them: one for a letter outside the basic plane too.
function length(words) {
  return [...words].length;
}

function tooMany(count) {
  return count === 1 ? "1 character too many" : `${count} characters too many`;
}

// A number that could not be read is NaN, and is remembered as null.
function given(value) {
  return value !== undefined && value !== null && !Number.isNaN(value);
}
