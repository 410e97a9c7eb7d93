// What the page of a plugin asks for and is told: every message of the protocol, and nothing for what is none.

import { chooseData, choosePlugin, chooseRelated, preview } from "./choosing.js";
import { words } from "./host.js";
import { pluginMatches } from "./matching.js";

const TYPES = ["light", "dark"];

export class Conversation {
  #host;
  #data;
  #plugins;
  #frame = null;
  #fill = null;
  #asking = false;
  #looks = 0;
  #acts;

  // acts: submitted({ resultUrl, submitUrl }), failed(sentence), told(sentence).
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
      "request-related-data-url": (data) =>
        this.#chosen(data.inputKey, () => {
          const about = { href: String(data.dataUrl), includeSelf: data.includeSelf === true };
          return chooseRelated(this.#data, { ...wanted(data), ...about });
        }),
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

  async #submitted({ resultUrl, submitUrl, formData }) {
    this.#frame.busy(false);
    if (typeof resultUrl === "string") {
      this.#acts.submitted(resultUrl);
      return;
    }
    // Only announced: it is for us to send, and only to the host.
    const to = this.#host.place(submitUrl);
    if (!to) {
      this.#acts.failed("The plugin’s form leads to another server; it was not sent.");
      return;
    }
    try {
      const headers = { "Content-Type": "application/x-www-form-urlencoded" };
      const answer = await this.#host.fetch(to.href, { method: "POST", headers, body: String(formData ?? "") });
      this.#acts.submitted(answer.url);
    } catch (refusal) {
      this.#acts.failed(refusal.message);
    }
  }

  #refused(error) {
    this.#frame.busy(false);
    const code = Number(error?.code) || "";
    this.#acts.failed(words(error) || `The plugin refused the form${code ? ` (${code})` : ""}.`);
  }

  // One dialog at a time, whatever a page asks for.
  async #once(open) {
    if (this.#asking || document.querySelector("dialog[open]")) return null;
    this.#asking = true;
    try {
      return await open();
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
  const contents = strings(acceptedContentTypes);
  if (!contents.length) contents.push(text(acceptedContentType) || "*");
  return { type: text(acceptedInputType) || "*", contents };
}

function response(inputKey, { href, dataType, contentType, filename, version }) {
  return { type: "data-url-response", inputKey, href, dataType, contentType, filename, version };
}

const text = (value) => (typeof value === "string" ? value : "");
const strings = (value) => (Array.isArray(value) ? value : [value]).filter((each) => typeof each === "string" && each);
