// What the page of a plugin asks for and is told: every message of the protocol, and nothing for what is none.

import { chooseData, choosePlugin, chooseRelated, onlyRelated, preview } from "./choosing.js";
import { words } from "./host.js";
import { pluginMatches } from "./matching.js";
import { Patience } from "./patience.js";
import { whyNot } from "./sendable.js";

const TYPES = ["light", "dark"];
// Of what a page says that it takes: it is read out in our own words.
const MOST_LETTERS = 80;
const MOST_KINDS = 8;

export class Conversation {
  #host;
  #data;
  #plugins;
  #frame = null;
  #fill = null;
  #asking = false;
  #patience = new Patience();
  #looks = 0;
  #acts;

  // acts: submitted(resultUrl), refused(words of the plugin), told(sentence of ours).
  constructor(host, data, plugins, acts) {
    this.#host = host;
    this.#data = data;
    this.#plugins = plugins;
    this.#acts = acts;
    new MutationObserver(() => this.#dress()).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
  }

  set frame(frame) {
    this.#frame = frame;
  }

  // Values by their names, for the next form that comes; { name: { href, … } } for data.
  fillNext(values) {
    this.#fill = values;
  }

  // A page stands in the frame.
  greet() {
    this.#dress();
    this.#say({ type: "plugin-context", experimentId: null, location: location.origin });
  }

  hear(type, data) {
    const heard = this.#handlers;
    if (Object.hasOwn(heard, type)) heard[type](data);
  }

  get #handlers() {
    return {
      "ui-loaded": () => this.#fill && this.#autofill(),
      "ui-loading": () => this.#frame.busy(true),
      "ui-resize": (data) => this.#frame.resize(data),
      "form-submit": (data) => this.#submitted(data),
      "form-error": ({ error }) => this.#refused(error),
      "request-data-url": (data) => this.#chosen(data.inputKey, () => chooseData(this.#data, wanted(data))),
      "request-related-data-url": (data) => this.#related(data),
      "request-data-url-info": (data) => this.#about(data),
      "request-data-preview": ({ dataUrl }) =>
        this.#once(async () => preview(this.#host, await this.#data.about(String(dataUrl)))),
      "request-plugin-url": (data) => this.#pluginChosen(data),
      "request-plugin-url-info": (data) => this.#pluginTold(data),
      "autofill-request": () => this.#autofill(),
      // No plugin of this host takes implementations from here.
      "implementations-request": () => this.#say({ type: "implementations-response", implementations: [] }),
    };
  }

  #say(message) {
    this.#frame.channel.say(message);
  }

  #dress() {
    const { bsTheme } = document.documentElement.dataset;
    const look = TYPES.includes(bsTheme) ? bsTheme : "light";
    // A sheet that is there already stays where it is: the same look again comes under another address, and last.
    this.#looks += 1;
    const sheet = new URL(`../../frame/${look}.css?${this.#looks}`, import.meta.url);
    this.#say({ type: "load-css", urls: [sheet.href] });
  }

  async #submitted({ resultUrl, submitUrl, formData, formDataType }) {
    this.#frame.busy(false);
    if (typeof resultUrl === "string") {
      this.#acts.submitted(resultUrl);
      return;
    }
    // Only announced: it is for us to send, and only to the host.
    const to = this.#host.place(submitUrl);
    if (!to) {
      this.#acts.told("The plugin’s form leads to another server; it was not sent.");
      return;
    }
    const reason = whyNot(formData, formDataType);
    if (reason) {
      this.#acts.told(`The form was not sent: ${reason}`);
      return;
    }
    try {
      const headers = { "Content-Type": formDataType };
      const answer = await this.#host.fetch(to.href, { method: "POST", headers, body: formData });
      this.#acts.submitted(answer.url);
    } catch (refusal) {
      this.#acts.refused(refusal.message);
    }
  }

  #refused(error) {
    this.#frame.busy(false);
    const code = Number(error?.code) || "";
    this.#acts.refused(words(error) || `The plugin refused the form${code ? ` (${code})` : ""}.`);
  }

  // One dialog at a time, whatever a page asks for, and only while the person is at that page.
  async #once(open) {
    if (this.#asking || document.querySelector("dialog[open]")) return null;
    if (!this.#frame.focused || !this.#patience.allows()) return null;
    this.#asking = true;
    try {
      const found = await open();
      this.#patience.answered(Boolean(found));
      return found;
    } catch (refusal) {
      this.#acts.told(refusal.message);
      return null;
    } finally {
      this.#asking = false;
    }
  }

  async #chosen(inputKey, open) {
    const found = await this.#once(open);
    if (found) this.#say(response(inputKey, found));
  }

  async #related(data) {
    const { inputKey, dataUrl, relation, includeSelf, userInteraction } = data;
    const about = { ...wanted(data), href: String(dataUrl), includeSelf: includeSelf === true, relation };
    if (userInteraction !== false) {
      await this.#chosen(inputKey, () => chooseRelated(this.#data, about));
      return;
    }
    const found = await onlyRelated(this.#data, about).catch(() => null);
    if (found) this.#say(response(inputKey, found));
  }

  async #about({ inputKey, dataUrl }) {
    const found = await this.#data.about(String(dataUrl));
    if (found) this.#say(response(inputKey, found));
  }

  async #pluginChosen(data) {
    const asked = { tags: strings(data.pluginTags), name: text(data.pluginName), version: text(data.pluginVersion) };
    const fitting = this.#plugins.filter((each) => pluginMatches(asked, each));
    const found = await this.#once(() => choosePlugin(fitting));
    if (found) this.#tellPlugin(data.inputKey, found);
  }

  #pluginTold({ inputKey, pluginUrl }) {
    const path = this.#host.place(pluginUrl)?.pathname;
    const found = path && this.#plugins.find((each) => each.root.replace(/\/$/, "") === path.replace(/\/$/, ""));
    if (found) this.#tellPlugin(inputKey, found);
  }

  #tellPlugin(inputKey, plugin) {
    const pluginUrl = `${this.#host.origin}${plugin.root}`;
    const named = { pluginName: plugin.title, pluginVersion: plugin.version };
    this.#say({ type: "plugin-url-response", inputKey, pluginUrl, ...named });
  }

  // Once: what the form is changed to afterwards is the person's own.
  #autofill() {
    const value = new URLSearchParams(this.#fill ?? {}).toString();
    this.#fill = null;
    this.#say({ type: "autofill-response", value, encoding: "application/x-www-form-urlencoded" });
  }
}

function wanted({ acceptedInputType, acceptedContentTypes, acceptedContentType }) {
  const contents = strings(acceptedContentTypes).slice(0, MOST_KINDS);
  if (!contents.length) contents.push(text(acceptedContentType) || "*");
  const short = (each) => each.slice(0, MOST_LETTERS);
  return { type: short(text(acceptedInputType)) || "*", contents: contents.map(short), sudden: true };
}

function response(inputKey, { href, dataType, contentType, filename, version }) {
  return { type: "data-url-response", inputKey, href, dataType, contentType, filename, version };
}

const text = (value) => (typeof value === "string" ? value : "");
const strings = (value) => (Array.isArray(value) ? value : [value]).filter((each) => typeof each === "string" && each);
