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
  #revision;
  #state = { state: "live" };

  // onState hears "live", "away" (tasks does not answer), "broken" (the server does not) and "ended" (signed out).
  constructor(store, { session, scope, onState }) {
    this.#store = store;
    this.#scope = scope;
    this.#onState = onState;
    // Where the stream is, by its own ids: what the store holds may be newer, from an answer that overtook others.
    this.#revision = store.revision;
    const name = `daydream-${session}-${scope}`;
    if (navigator.locks && window.BroadcastChannel) {
      this.#channel = new BroadcastChannel(name);
      this.#channel.onmessage = ({ data }) => this.#heard(data);
      // Whatever the leading tab heard between this page's making and now, it tells again.
      this.#channel.postMessage({ kind: "hello", after: this.#revision });
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
    const query = new URLSearchParams({ after: this.#revision, scope: this.#scope });
    const source = new EventSource(`/events?${query}`);
    this.#source = source;
    const pass = (kind) => (event) => {
      this.#wait = FIRST_WAIT;
      this.#tell({ kind, data: JSON.parse(event.data), revision: Number(event.lastEventId) || this.#revision });
    };
    for (const kind of ["tasks", "progress", "away", "end"]) source.addEventListener(kind, pass(kind));
    source.onerror = () => {
      this.#tell({ kind: "broken", revision: this.#revision });
      // The browser comes back by itself from a cut line, but never from a refusal (503, 429): then it is up to us.
      if (source.readyState !== EventSource.CLOSED || this.#source !== source) return;
      // An ended session is found out here: asking leads to the sign-in page.
      ask("/studio/state").catch(() => {});
      setTimeout(() => this.#source === source && this.#open(), this.#wait);
      this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    };
  }

  // To this page and to every tab that follows it.
  #tell(message) {
    this.#heard(message);
    this.#channel?.postMessage(message);
  }

  #heard({ kind, data, revision, after, state }) {
    if (kind === "hello") {
      this.#answer(after);
      return;
    }
    this.#revision = revision;
    if (kind === "tasks") {
      this.#show({ state: "live" });
      this.#store.put(data.tasks);
    } else if (kind === "progress") {
      this.#store.move(data.tasks);
    } else if (kind === "away") {
      this.#show({ state: "away", detail: data.detail });
    } else if (kind === "broken") {
      this.#show({ state: "broken" });
    } else if (kind === "end") {
      this.#source?.close();
      this.#show({ state: "ended" });
    } else if (kind === "missed") {
      this.#store.put(data.tasks);
      this.#show(state);
    }
  }

  #show(state) {
    this.#state = state;
    this.#onState(state.state, state.detail);
  }

  // Only the tab that holds the stream answers one that has just come.
  #answer(after) {
    if (!this.#source) return;
    const tasks = this.#store.tasks.filter((task) => task.revision > after);
    this.#channel.postMessage({ kind: "missed", data: { tasks }, revision: this.#revision, state: this.#state });
  }
}
