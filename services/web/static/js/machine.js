// The pages for staff that are live: the queue and the workers follow one stream, and a line says how fresh it all is.

import { span } from "./format.js";
import { ask, toTheDoor } from "./http.js";
import { Jobs } from "./jobs.js";

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 15000;
const id = (name) => document.getElementById(name);

// What the line says. Its seconds are for the eye alone: only what it comes to is spoken.
class Freshness {
  #heardAt = 0;
  #words = "";

  heard() {
    this.#heardAt = Date.now();
    this.#say("", "");
    this.tick();
  }

  // words: what is wrong. It is spoken once.
  cut(words) {
    this.#say(words, words);
    this.tick();
  }

  tick() {
    id("live").classList.toggle("is-cut", Boolean(this.#words));
    if (this.#words) id("live-words").textContent = this.#words;
    else if (this.#heardAt) id("live-words").textContent = `Live, last event ${since(this.#heardAt)} ago`;
  }

  #say(words, aloud) {
    if (this.#words === words) return;
    this.#words = words;
    id("live-spoken").textContent = aloud || "Live again.";
  }
}

function since(moment) {
  const seconds = (Date.now() - moment) / 1000;
  return seconds < 0.95 ? "0 s" : span(seconds);
}

function tickAges() {
  for (const age of document.querySelectorAll("[data-ago]")) {
    const seconds = (Date.now() - Date.parse(age.dataset.ago)) / 1000;
    // Two clocks may differ: nothing is younger than now.
    const days = Math.round(seconds / 86400);
    age.textContent = days >= 2 ? `${days} days` : span(Math.max(0, seconds));
  }
}

class Feed {
  #jobs;
  #fresh;
  #source = null;
  #wait = FIRST_WAIT;

  constructor(jobs, fresh) {
    this.#jobs = jobs;
    this.#fresh = fresh;
    this.#open();
    window.addEventListener("pagehide", () => this.#source?.close());
    window.addEventListener("pageshow", (event) => event.persisted && this.#open());
  }

  #open() {
    this.#source?.close();
    const source = new EventSource("/admin/events");
    this.#source = source;
    source.addEventListener("machine", (event) => this.#take(JSON.parse(event.data)));
    source.addEventListener("away", () => this.#fresh.cut("The queue does not answer for the moment"));
    source.addEventListener("end", () => {
      source.close();
      toTheDoor();
    });
    source.onerror = () => {
      this.#fresh.cut("The live line is cut; it comes back by itself");
      // The browser comes back by itself from a cut line, but never from a refusal: then it is up to us.
      if (source.readyState !== EventSource.CLOSED || this.#source !== source) return;
      // An ended session is found out here: asking leads to the sign-in page.
      ask("/studio/state").catch(() => {});
      setTimeout(() => this.#source === source && this.#open(), this.#wait);
      this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    };
  }

  #take(news) {
    this.#wait = FIRST_WAIT;
    this.#fresh.heard();
    this.#jobs?.take(news);
    const counts = id("counts");
    counts.textContent = news.counts;
    counts.hidden = false;
    if (news.workers === undefined || !id("workers")) return;
    id("workers").innerHTML = news.workers;
    id("none").hidden = id("workers").children.length > 0;
    id("ready").textContent = news.ready.words;
    id("ready").className = `dd-chip ${news.ready.look}`;
  }
}

const fresh = new Freshness();
new Feed(id("jobs") && new Jobs(id("jobs")), fresh);
setInterval(() => {
  fresh.tick();
  tickAges();
}, 1000);
