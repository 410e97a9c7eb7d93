// The live line. One tab of a browser holds the stream (a Web Lock says which) and passes every event on to the others
// (BroadcastChannel), for a browser opens six connections to a host at most.

import { ask } from "./http.js";

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 15000;

export class Live {
  #store;
  #scope;
  #onState;
  #channel = null;
  #source = null;
  #wait = FIRST_WAIT;

  // onState hears "live", "away" (tasks does not answer), "broken" (the server does not) and "ended" (signed out).
  constructor(store, { session, scope, onState }) {
    this.#store = store;
    this.#scope = scope;
    this.#onState = onState;
    const name = `daydream-${session}-${scope}`;
    if (navigator.locks && window.BroadcastChannel) {
      this.#channel = new BroadcastChannel(name);
      this.#channel.onmessage = ({ data }) => this.#heard(data);
      // Whatever the leading tab heard between this page's making and now, it tells again.
      this.#channel.postMessage({ kind: "hello", after: store.revision });
      navigator.locks.request(name, () => {
        this.#open();
        return new Promise(() => {});
      });
    } else {
      this.#open();
    }
    window.addEventListener("pagehide", () => this.#source?.close());
    window.addEventListener("pageshow", (event) => event.persisted && this.#source && this.#open());
  }

  #open() {
    this.#source?.close();
    const query = new URLSearchParams({ after: this.#store.revision, scope: this.#scope });
    const source = new EventSource(`/events?${query}`);
    this.#source = source;
    const pass = (kind) => (event) => {
      this.#wait = FIRST_WAIT;
      const message = { kind, data: JSON.parse(event.data) };
      this.#heard(message);
      this.#channel?.postMessage(message);
    };
    for (const kind of ["tasks", "progress", "away", "end"]) source.addEventListener(kind, pass(kind));
    source.onerror = () => {
      this.#onState("broken");
      // The browser comes back by itself from a cut line, but never from a refusal (503, 429): then it is up to us.
      if (source.readyState !== EventSource.CLOSED || this.#source !== source) return;
      // An ended session is found out here: asking leads to the sign-in page.
      ask("/studio/state").catch(() => {});
      setTimeout(() => this.#source === source && this.#open(), this.#wait);
      this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    };
  }

  #heard({ kind, data, after }) {
    if (kind === "tasks") {
      this.#onState("live");
      this.#store.put(data.tasks);
    } else if (kind === "progress") {
      this.#store.move(data.tasks);
    } else if (kind === "away") {
      this.#onState("away", data.detail);
    } else if (kind === "end") {
      this.#source?.close();
      this.#onState("ended");
    } else if (kind === "hello" && this.#source) {
      const missed = this.#store.tasks.filter((task) => task.revision > after);
      this.#channel.postMessage({ kind: "tasks", data: { tasks: missed } });
    }
  }
}
