// The control panel: values in, values out, price and time in the button, what is remembered between visits.

import { Advanced } from "./advanced.js";
import { Beginning } from "./begin.js";
import { Bringing } from "./bringing.js";
import { Dial } from "./dials.js";
import { Draft } from "./draft.js";
import { tokens as countTokens } from "./format.js";
import { showGenerate, wireGenerate } from "./generate.js";
import { Lexicon } from "./lexicon.js";
import { Marks } from "./marks.js";
import { Memory } from "./memory.js";
import { moved } from "./moved.js";
import { Opening } from "./opening.js";
import { price, seconds } from "./price.js";
import { ideasOf, Prompts } from "./prompts.js";
import { Seed } from "./seed.js";
import { Shapes } from "./shapes.js";
import { wireSwitches } from "./switches.js";
import { late, Unusable } from "./unusable.js";

export class Panel {
  #form = document.getElementById("panel");
  #dials = {};
  #models = [];
  #tokens;
  #memory;
  #seed;
  #sending = false;
  #shapes;
  #store;
  #marks = new Marks(this.#form);
  #opening = new Opening(this.#form);
  #lexicon = new Lexicon();
  #prompts = new Prompts({ form: this.#form, ideas: () => this.ideas });
  #begin;
  #advanced;
  // What was to be filled in while there was no model to fit it to.
  #waiting = null;
  #draft = new Draft((kept) => this.#bringBack(kept));

  constructor({ user, models, tokens, store, onSubmit }) {
    this.#memory = new Memory(user);
    this.#tokens = tokens;
    this.#store = store;
    for (const name of ["width", "height", "steps", "guidance", "samples"]) {
      this.#dials[name] = new Dial(this.#form, name);
    }
    const onChange = () => this.#changed();
    this.#shapes = new Shapes({ ...this.#dials, form: this.#form, onChange });
    for (const name of ["steps", "guidance", "samples"]) this.#dials[name].onInput(onChange);
    this.#seed = new Seed(this.#form.elements.seed, "Seed", onChange);
    this.#advanced = new Advanced({ form: this.#form, onChange });
    this.#begin = new Beginning({
      form: this.#form,
      onChange,
      onTold: (sentence) => this.#note(`${this.#said} ${sentence}`.trim()),
      onShape: (width, height) => this.#shapes.nearTo(width, height),
    });
    this.#wireFields();
    wireSwitches(this.#form);
    new Bringing({
      form: this.#form,
      onStart: (file) => this.#begin.take(file),
      onSettings: (file) => this.#fillFrom(file),
    });
    wireGenerate(this.#form, () => {
      if (this.ready) onSubmit(this.values);
      else if (!this.#sending) this.#showObstacle();
    });
    this.setModels(models);
  }

  get ideas() {
    return ideasOf(this.#model);
  }

  get values() {
    const fields = this.#form.elements;
    const values = this.#prompts.values;
    if (fields.model.value) values.model = fields.model.value;
    if (fields.sampler.value) values.sampler = fields.sampler.value;
    for (const [name, dial] of Object.entries(this.#dials)) values[name] = dial.value;
    values.seed = this.#seed.value;
    return { ...values, ...this.#begin.values, ...this.#advanced.values };
  }

  // What cannot be sent as it stands: the fields' names, each with words for the button.
  get #problems() {
    const values = this.values;
    const found = new Map(this.#prompts.problems);
    for (const [name, dial] of Object.entries(this.#dials)) if (dial.problem) found.set(name, dial.problem);
    if (this.#seed.problem) found.set("seed", this.#seed.problem);
    return new Map([...found, ...this.#begin.problems(values), ...this.#advanced.problems]);
  }

  // Why Generate cannot be pressed; null when it can.
  get obstacle() {
    if (!this.#models.length) return "no worker yet";
    const values = this.values;
    if (!values.prompt) return "write a prompt first";
    if (this.#begin.wanting) return this.#begin.wanting;
    const [problem] = this.#problems.values();
    if (problem) return problem;
    const cost = price(values);
    return cost > this.#tokens ? `${countTokens(cost)}, you have ${this.#tokens}` : null;
  }

  get ready() {
    return !this.#sending && this.obstacle === null;
  }

  get sending() {
    return this.#sending;
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
    // What was written while no worker had been seen yet is newer than what was remembered.
    const typed = Object.entries(this.#prompts.values).filter(([, words]) => words);
    const remembered = first ? { ...this.#memory.read(), ...Object.fromEntries(typed) } : this.values;
    select.replaceChildren(...models.map((model) => new Option(model.title, model.name)));
    if (models.some((model) => model.name === chosen)) select.value = chosen;
    if (models.length) {
      this.#modelChosen({ keep: false });
      this.#put(remembered, false);
      this.#memory.write(this.#kept);
    }
    this.#prompts.turn();
    this.#show();
    if (!models.length || !this.#waiting) return;
    const waiting = this.#waiting;
    this.#waiting = null;
    this.fill(waiting);
  }

  // Fills the panel and opens it; runs nothing. All settings of a picture replace all of the panel's, a start image
  // included; fewer leave the others as they are.
  fill(parameters) {
    if (!this.#models.length) {
      this.#waiting = parameters;
      this.#form.elements.prompt.value = parameters.prompt ?? "";
      this.#show();
      this.open();
      return;
    }
    this.#keepDraft(parameters);
    this.#put(parameters);
    this.#changed();
    this.#note(moved(parameters, this.values, this.#model?.title));
    this.open();
    this.#form.elements.prompt.focus();
  }

  // Begins from an image of the timeline; everything else stays.
  startFrom(_task, image) {
    this.open();
    this.#begin.from(image);
  }

  refuse(message, fields = []) {
    this.#marks.refuse(message, fields);
    this.#show();
    this.open();
    this.#marks.focusFirst();
  }

  submitted() {
    this.#marks.refuse("");
    this.#note("");
    this.#show();
    this.#opening.submitted();
  }

  open() {
    this.#opening.open();
  }

  async #fillFrom(file) {
    try {
      const { readSettings } = await late(import("./metadata.js"));
      const settings = await readSettings(file);
      this.fill(settings);
      this.#note(`Filled with what ${file.name} says of itself. ${this.#said}`);
    } catch (error) {
      if (!(error instanceof Unusable)) throw error;
      this.#note(error.message);
    }
  }

  // What was neither sent nor offered by us is the person's own, and not lost to a press.
  #keepDraft(parameters) {
    const { prompt } = this.values;
    const known = [parameters.prompt, ...this.ideas, ...this.#store.tasks.map((task) => task.parameters.prompt)];
    if (prompt && !known.includes(prompt)) this.#draft.keep(this.#kept);
  }

  #bringBack(kept) {
    this.#put(kept);
    this.#note("");
    this.#changed();
    this.#form.elements.prompt.focus();
  }

  // What happened to the panel without a hand of the person's, in sentences.
  #note(sentences) {
    document.getElementById("panel-note").textContent = sentences;
  }

  get #said() {
    return document.getElementById("panel-note").textContent;
  }

  get #model() {
    return this.#models.find((model) => model.name === this.#form.elements.model.value) || this.#models[0];
  }

  #showObstacle() {
    this.open();
    if (this.#marks.focusFirst()) return;
    const where = this.values.prompt && this.#begin.wanting ? this.#begin.next : this.#form.elements.prompt;
    where.focus();
  }

  #wireFields() {
    const fields = this.#form.elements;
    // What was told of the panel is over once somebody goes on in it.
    this.#form.addEventListener("input", () => this.#note(""), { capture: true });
    for (const name of ["prompt", "negative_prompt"]) fields[name].addEventListener("input", () => this.#changed());
    fields.model.addEventListener("change", () => this.#modelChosen({ keep: true }));
    fields.sampler.addEventListener("change", () => this.#changed());
    this.#seed.offer("seed-random", () => -1);
    this.#seed.offer("seed-last", () => this.#store.lastSeed ?? -1);
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
    for (const part of [this.#begin, this.#advanced]) part.limit(model);
    this.#prompts.limit(limits);
    const help = document.getElementById("width-help");
    help.textContent = `In pixels. This model holds at most ${limits.max_size} × ${limits.max_size}.`;
    document.getElementById("model-about").textContent = model.description;
    this.#put({ ...defaults, samples: 1, seed: -1, ...(before ? { ...before, model: model.name } : {}) }, false);
    if (!keep) return;
    this.#changed();
    this.#note(moved({ ...before, model: model.name }, this.values, model.title));
  }

  #put(parameters, whole = parameters.steps !== undefined) {
    const fields = this.#form.elements;
    if (parameters.model && parameters.model !== fields.model.value) {
      if (this.#models.some((model) => model.name === parameters.model)) {
        fields.model.value = parameters.model;
        this.#modelChosen({ keep: false });
      }
    }
    for (const name of ["prompt", "negative_prompt", "seed"]) {
      // Words that are being written keep the blank at their end.
      const same = fields[name].value.trim() === String(parameters[name]);
      if (given(parameters[name]) && !same) fields[name].value = parameters[name];
    }
    if ([...fields.sampler.options].some((option) => option.value === parameters.sampler)) {
      fields.sampler.value = parameters.sampler;
    }
    for (const name of ["steps", "guidance", "samples"]) {
      if (given(parameters[name])) this.#dials[name].value = parameters[name];
    }
    if (parameters.width && parameters.height) this.#shapes.set(parameters.width, parameters.height);
    if (parameters.locked !== undefined) this.#shapes.locked = parameters.locked;
    for (const part of [this.#begin, this.#advanced]) part.put(parameters, whole);
  }

  get #kept() {
    return { ...this.values, ...this.#begin.kept, locked: this.#shapes.locked };
  }

  #changed() {
    // Without a model there are no numbers yet, and those of before would be lost.
    if (this.#models.length) this.#memory.write(this.#kept);
    // What the server said, it said of what stood here before.
    this.#marks.refuse("");
    this.#show();
  }

  #show() {
    const values = this.values;
    const obstacle = this.obstacle;
    this.#marks.show(this.#problems);
    const time = this.#model ? seconds(values, this.#model.step_times) : null;
    const cost = price(values);
    showGenerate({ obstacle, sending: this.#sending, tokens: cost, time, purse: this.#tokens });
    this.#prompts.show();
    this.#advanced.show();
    this.#lexicon.show(values.prompt, this.#model);
    document.getElementById("seed-last").disabled = this.#store.lastSeed === undefined;
  }
}

// A number that could not be read is NaN, and is remembered as null.
function given(value) {
  return value !== undefined && value !== null && !Number.isNaN(value);
}
