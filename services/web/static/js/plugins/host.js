// The plugin host, as this page asks it: at its own origin, with a token that only it believes. Everything that comes
// from there is of others' making.

import { ask, Refusal } from "../http.js";

// A token lasts five minutes; one of this age is replaced before it is used.
const FRESH_MS = 180_000;
const MOST_PREVIEW = 20_000;
const ANSWERS_WITHIN_MS = 8_000;
const AWAY = "The plugins do not answer. Nothing was lost; try again in a moment.";

export class Host {
  #names;
  #token = null;
  #since = 0;
  #asking = null;

  // `names` are all the origins that it goes by: one machine's loopback has two.
  constructor(origin, names) {
    this.origin = origin;
    this.#names = new Set(names);
  }

  // An address on the host, as a URL at the origin that this page uses; null for any other.
  place(address) {
    try {
      const url = new URL(address, this.origin);
      if (!this.#names.has(url.origin) || typeof address !== "string" || url.username) return null;
      url.host = new URL(this.origin).host;
      return url;
    } catch {
      return null;
    }
  }

  // Ask for something there. Rejects with a Refusal, also where the host does not answer.
  async fetch(address, { method = "GET", headers = {}, body, signal } = {}) {
    const url = this.place(address);
    if (!url) throw new Refusal(0, { detail: "This address is not one of the plugin host." });
    const send = async (anew) => {
      const all = { Accept: "application/json", ...headers, Authorization: `Bearer ${await this.#believed(anew)}` };
      try {
        return await fetch(url, { method, headers: all, body, signal, credentials: "omit", cache: "no-store" });
      } catch (error) {
        if (signal?.aborted) throw error;
        throw new Refusal(0, { detail: AWAY });
      }
    };
    let answer = await send(false);
    // The host's clock may be another than ours.
    if (answer.status === 401) answer = await send(true);
    if (answer.ok) return answer;
    throw new Refusal(answer.status, { detail: await why(answer) });
  }

  async json(address, options) {
    const answer = await this.fetch(address, options);
    if (answer.status === 204) return null;
    return answer.json().catch(() => {
      throw new Refusal(answer.status, { detail: "The plugin’s answer cannot be read." });
    });
  }

  // Whether it is there at all: something that it tells everybody, from wherever they ask.
  answers() {
    const signal = AbortSignal.timeout(ANSWERS_WITHIN_MS);
    const asked = { method: "HEAD", credentials: "omit", cache: "no-store", signal };
    return fetch(`${this.origin}/asyncapi.json`, asked).then(({ ok }) => ok, () => false);
  }

  // A result's file. Whoever has its address reads it; no token travels.
  async blob(address, most) {
    const url = this.place(address);
    const lost = () => new Refusal(0, { detail: "The file could not be read from the plugin host." });
    if (!url) throw lost();
    const answer = await fetch(url, { credentials: "omit" }).catch(() => null);
    if (!answer?.ok) throw lost();
    if (Number(answer.headers.get("Content-Length")) > most) throw new Refusal(0, { detail: tooLarge(most) });
    const blob = await answer.blob();
    if (blob.size > most) throw new Refusal(0, { detail: tooLarge(most) });
    return blob;
  }

  // The beginning of a text; the rest is not read.
  async beginning(address) {
    const url = this.place(address);
    const answer = url && (await fetch(url, { credentials: "omit" }).catch(() => null));
    if (!answer?.ok) throw new Refusal(0, { detail: "The file could not be read from the plugin host." });
    const [reader, decoder] = [answer.body.getReader(), new TextDecoder()];
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return text;
      text += decoder.decode(value, { stream: true });
      if (text.length < MOST_PREVIEW) continue;
      reader.cancel().catch(() => {});
      return `${text.slice(0, MOST_PREVIEW)}…`;
    }
  }

  async #believed(anew) {
    if (anew || Date.now() - this.#since > FRESH_MS) this.#token = null;
    if (this.#token) return this.#token;
    this.#asking ??= ask("/plugins/token", { method: "POST" }).finally(() => (this.#asking = null));
    const { token } = await this.#asking;
    [this.#token, this.#since] = [token, Date.now()];
    return token;
  }
}

function tooLarge(most) {
  return `The file is too large for the timeline; ${Math.round(most / 2 ** 20)} MB are allowed.`;
}

// A plugin's own words where there are some; each field's where a form was refused.
async function why(answer) {
  const said = await answer.json().catch(() => ({}));
  return words(said) || `The plugin refused this (${answer.status}).`;
}

export function words(said) {
  const fields = Object.entries(said?.errors ?? {}).flatMap(([, within]) =>
    within && typeof within === "object" && !Array.isArray(within) ? Object.entries(within) : [],
  );
  const texts = (found) => [found].flat().filter((each) => typeof each === "string");
  const wrong = fields.map(([name, found]) => `${name}: ${texts(found).join(" ")}`);
  const text = wrong.length ? wrong.join(" ") : typeof said?.message === "string" ? said.message : "";
  return text.slice(0, 400);
}
