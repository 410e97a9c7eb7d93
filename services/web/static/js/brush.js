// The dialog in which a mask is painted over the start image: with a mouse, a finger, a pen or the keyboard.

import { confirm } from "./confirm.js";
import { ink, layerOver, share } from "./layers.js";
import { Strokes } from "./strokes.js";

const id = (name) => document.getElementById(name);
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PEN_ERASER = 32;

class Brush {
  #dialog = id("brush");
  #sheet = id("brush-sheet");
  #layer = id("brush-layer");
  #strokes = null;
  #pointer = null;
  #spaceHeld = false;
  #at = [0, 0];
  #use = null;

  constructor() {
    const act = { "brush-undo": "undo", "brush-redo": "redo", "brush-invert": "invert", "brush-clear": "clear" };
    for (const [name, what] of Object.entries(act)) id(name).addEventListener("click", () => this.#do(what));
    id("brush-size").addEventListener("input", () => this.#ring());
    id("brush-use").addEventListener("click", () => this.#finish());
    for (const name of ["brush-close", "brush-leave"]) id(name).addEventListener("click", () => this.#leave());
    this.#dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#leave();
    });
    this.#dialog.addEventListener("keydown", (event) => this.#key(event));
    this.#wirePointer();
    this.#wireKeyboard();
  }

  // Paints over `picture`, going on from `layer` (null begins anew). use(layer) is called when it is done, with null
  // for one without anything painted; the dialog closes when that came through, and says what it was refused with.
  open(picture, layer, use) {
    if (this.#dialog.open) return;
    this.#use = use;
    const fresh = layer || layerOver(picture);
    for (const [canvas, drawn] of [[id("brush-picture"), picture], [this.#layer, fresh]]) {
      Object.assign(canvas, { width: drawn.width, height: drawn.height });
      canvas.getContext("2d", { willReadFrequently: true }).drawImage(drawn, 0, 0);
    }
    this.#strokes = new Strokes(this.#layer, ink(this.#layer.getContext("2d")));
    this.#sheet.style.setProperty("--dd-shape", String(picture.width / picture.height));
    this.#at = [this.#layer.width / 2, this.#layer.height / 2];
    id("brush-wrong").textContent = "";
    this.#busy(false);
    this.#show();
    this.#dialog.showModal();
    this.#ring();
    this.#layer.focus();
  }

  get #erases() {
    return id("brush-erase").checked;
  }

  // Pixels of the layer; the dial says how many hundredths of its longer side.
  get #size() {
    return (Number(id("brush-size").value) / 100) * Math.max(this.#layer.width, this.#layer.height);
  }

  #do(what) {
    this.#strokes[what]();
    this.#show();
    // The button that was used up has let the keyboard go.
    if (document.activeElement?.disabled) this.#layer.focus();
  }

  #show() {
    id("brush-undo").disabled = !this.#strokes.canUndo;
    id("brush-redo").disabled = !this.#strokes.canRedo;
    const percent = 100 * share(this.#layer);
    const some = percent > 0 && percent < 1 ? "under 1" : Math.round(percent);
    id("brush-share").textContent = `${some}% is drawn anew`;
  }

  // The ring stands where the brush is, in hundredths of the sheet.
  #ring() {
    const { width, height } = this.#layer;
    const ring = id("brush-ring");
    ring.style.setProperty("--dd-x", `${(100 * this.#at[0]) / width}%`);
    ring.style.setProperty("--dd-y", `${(100 * this.#at[1]) / height}%`);
    ring.style.setProperty("--dd-size", `${(100 * this.#size) / width}%`);
  }

  #wirePointer() {
    const place = ({ clientX, clientY }) => {
      const { left, top, width, height } = this.#layer.getBoundingClientRect();
      return [((clientX - left) / width) * this.#layer.width, ((clientY - top) / height) * this.#layer.height];
    };
    this.#layer.addEventListener("pointerdown", (event) => {
      if (this.#pointer !== null || (event.button !== 0 && !(event.buttons & PEN_ERASER))) return;
      this.#pointer = event.pointerId;
      this.#layer.setPointerCapture(event.pointerId);
      this.#at = place(event);
      const erase = this.#erases || Boolean(event.buttons & PEN_ERASER);
      this.#strokes.begin({ erase, size: this.#size, points: [this.#at] });
      this.#ring();
    });
    this.#layer.addEventListener("pointermove", (event) => {
      if (this.#pointer !== null && event.pointerId !== this.#pointer) return;
      this.#at = place(event);
      this.#ring();
      if (this.#pointer === null) return;
      const between = event.getCoalescedEvents?.() || [];
      this.#strokes.extend(...(between.length ? between : [event]).map(place));
    });
    for (const end of ["pointerup", "pointercancel"]) {
      this.#layer.addEventListener(end, (event) => {
        if (event.pointerId !== this.#pointer) return;
        this.#pointer = null;
        this.#show();
      });
    }
  }

  // Arrows move the brush, by half its width or with Shift by a little; Space paints, and goes on while it is held.
  #wireKeyboard() {
    this.#layer.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key in ARROWS) {
        this.#step(ARROWS[event.key], event.shiftKey ? Math.max(1, this.#size / 10) : this.#size / 2);
      } else if (event.key === " ") {
        if (!this.#spaceHeld) this.#strokes.begin({ erase: this.#erases, size: this.#size, points: [this.#at] });
        this.#spaceHeld = true;
      } else if (event.key === "[" || event.key === "]") {
        id("brush-size")[event.key === "[" ? "stepDown" : "stepUp"]();
        this.#ring();
      } else if (event.key === "e" || event.key === "p") {
        id(event.key === "e" ? "brush-erase" : "brush-paint").checked = true;
      } else {
        return;
      }
      event.preventDefault();
    });
    const lift = () => {
      if (this.#spaceHeld) this.#show();
      this.#spaceHeld = false;
    };
    this.#layer.addEventListener("keyup", (event) => event.key === " " && lift());
    this.#layer.addEventListener("blur", lift);
  }

  #step([across, down], far) {
    const within = (value, most) => Math.min(most, Math.max(0, value));
    this.#at = [
      within(this.#at[0] + across * far, this.#layer.width),
      within(this.#at[1] + down * far, this.#layer.height),
    ];
    this.#ring();
    if (this.#spaceHeld) this.#strokes.extend(this.#at);
  }

  #key(event) {
    if (!(event.ctrlKey || event.metaKey)) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    this.#do(key === "y" || event.shiftKey ? "redo" : "undo");
  }

  async #finish() {
    const kept = Object.assign(document.createElement("canvas"), this.#sides);
    kept.getContext("2d").drawImage(this.#layer, 0, 0);
    this.#busy(true);
    try {
      await this.#use(share(kept) > 0 ? kept : null);
      this.#dialog.close();
    } catch (error) {
      id("brush-wrong").textContent = error.message;
    } finally {
      this.#busy(false);
    }
  }

  get #sides() {
    return { width: this.#layer.width, height: this.#layer.height };
  }

  #busy(busy) {
    id("brush-use").disabled = busy;
    id("brush-use").setAttribute("aria-busy", String(busy));
    id("brush-use").textContent = busy ? "Sending…" : "Use this mask";
  }

  async #leave() {
    const question = {
      title: "Leave without this mask?",
      text: "What you painted since you opened it is lost.",
      action: "Leave it",
    };
    if (this.#strokes.canUndo && !(await confirm(question))) return;
    this.#dialog.close();
  }
}

let brush = null;

// Opens the dialog, of which there is one.
export function paint(picture, layer, use) {
  brush ||= new Brush();
  brush.open(picture, layer, use);
}
