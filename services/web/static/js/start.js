// The start image: chosen, dropped, pasted or taken from the timeline; made small, sent, shown, taken out again.

import { drawCover, fetched } from "./canvases.js";
import { send, UPLOADS } from "./send.js";
import { shrink } from "./shrink.js";
import { Unusable } from "./unusable.js";

const id = (name) => document.getElementById(name);
const INVITATION = "Choose, drop or paste a picture";
const GONE = {
  upload_id: "The start image is gone: uploads are forgotten a day after they were last used. Bring it again.",
  image_id: "The picture that this begins from was deleted, so the start image was taken out.",
};

export class StartImage {
  #source = null;
  #picture = null;
  #words = "";
  #sending = null;
  #turn = 0;
  #mostSide;
  #onChange;
  #onTold;
  #tint = null;

  // mostSide() gives the model's largest side in pixels; onChange hears of every change, onTold(sentence) of a picture
  // that was remembered and is there no more.
  constructor({ mostSide, onChange, onTold }) {
    this.#mostSide = mostSide;
    this.#onChange = onChange;
    this.#onTold = onTold;
    id("start-choose").addEventListener("click", () => id("start-file").click());
    id("start-file").addEventListener("change", ({ target }) => {
      if (target.files.length) this.take(target.files[0]);
      // Choosing the same file once more is a choice too.
      target.value = "";
    });
    id("start-remove").addEventListener("click", () => {
      this.remove();
      id("start-choose").focus();
    });
  }

  // { upload_id } or { image_id }, as requests name it; null for none.
  get source() {
    return this.#source;
  }

  get words() {
    return this.#words;
  }

  // The picture as a canvas, once it is here.
  get picture() {
    return this.#picture;
  }

  get busy() {
    return this.#sending !== null;
  }

  // What lies over the preview: a canvas of the picture's shape, or null.
  set tint(canvas) {
    this.#tint = canvas;
    this.#draw();
  }

  // Makes a file small and sends it. What stood here goes as soon as the new one is known to be a picture.
  async take(file) {
    const turn = ++this.#turn;
    this.#wrong("");
    this.#sending?.abort();
    const line = (this.#sending = new AbortController());
    this.#show("Looking at it…");
    try {
      const { canvas, blob, saved } = await shrink(file, this.#mostSide());
      if (turn !== this.#turn) return;
      this.#place(null, canvas, "");
      const onShare = (share) => turn === this.#turn && this.#progress(share);
      onShare(0);
      const upload = await send(blob, { onShare, signal: line.signal });
      if (turn !== this.#turn) return;
      this.#sending = null;
      this.#place({ upload_id: upload.id }, canvas, `${sides(canvas)}, ${weight(blob.size, saved)}`);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#sending = null;
      if (!(error instanceof Unusable)) this.#place(null, null, "");
      this.#show();
      this.#onChange();
      this.#wrong(error.message);
    }
  }

  // An image of the timeline.
  from(image) {
    this.restore({ image_id: image.id }, `from the timeline, ${image.width} × ${image.height}`);
  }

  // One that was remembered or used before. It stands at once, and goes again if the server has it no more.
  async restore(source, words = "") {
    const turn = ++this.#turn;
    this.#wrong("");
    this.#sending?.abort();
    this.#sending = null;
    if (!same(source, this.#source)) this.#place(source, null, words);
    if (this.#picture) return;
    try {
      const path = source.upload_id ? `${UPLOADS}/${source.upload_id}` : `/images/${source.image_id}`;
      const picture = await fetched(path);
      if (turn !== this.#turn) return;
      const from = source.upload_id ? "brought before" : "from the timeline";
      this.#place(source, picture, words || `${from}, ${sides(picture)}`);
    } catch (error) {
      // A line that is down says nothing of the picture; the server has the last word when it is asked to draw.
      if (turn !== this.#turn || error.status !== 404) return;
      this.remove();
      this.#onTold(GONE[source.upload_id ? "upload_id" : "image_id"]);
    }
  }

  remove() {
    this.#turn += 1;
    this.#sending?.abort();
    this.#sending = null;
    this.#wrong("");
    this.#place(null, null, "");
  }

  #place(source, picture, words) {
    this.#source = source;
    this.#picture = picture;
    this.#words = words;
    this.#tint = null;
    this.#show();
    this.#draw();
    this.#onChange();
  }

  #progress(share) {
    id("start-bar").value = share;
    this.#show(share < 1 ? `Sending, ${Math.round(100 * share)}%` : "Sent; the server looks at it");
  }

  #show(words) {
    const there = this.#source !== null;
    id("start-bar").hidden = !this.busy;
    // While it counts it is not read out; what it comes to is.
    id("start-words").ariaBusy = String(this.busy);
    id("start-words").textContent = words ?? (there ? this.#words || "on its way" : INVITATION);
    id("start-choose").hidden = there || this.busy;
    id("start-remove").hidden = !there && !this.busy;
    const name = this.busy ? "Cancel sending" : "Remove the start image";
    Object.assign(id("start-remove"), { ariaLabel: name, title: name });
  }

  #draw() {
    const view = id("start-view");
    view.hidden = !this.#picture;
    id("start-blank").hidden = view.hidden === false;
    if (!this.#picture) return;
    view.getContext("2d").clearRect(0, 0, view.width, view.height);
    drawCover(view, this.#picture);
    if (!this.#tint) return;
    const context = view.getContext("2d");
    context.globalAlpha = 0.7;
    drawCover(view, this.#tint);
    context.globalAlpha = 1;
  }

  #wrong(sentence) {
    id("start-wrong").textContent = sentence;
  }
}

function same(one, other) {
  return one?.upload_id === other?.upload_id && one?.image_id === other?.image_id;
}

function sides({ width, height }) {
  return `${width} × ${height}`;
}

function weight(bytes, saved) {
  const kB = (count) => `${Math.max(1, Math.round(count / 1000)).toLocaleString("en")} kB`;
  return saved >= 1000 ? `${kB(saved)} saved` : kB(bytes);
}
