// What was done to a layer, in order, so that it can be undone and done again: lines, turning it inside out, clearing.

export class Strokes {
  #layer;
  #context;
  #ink;
  #ground;
  #done = [];
  #undone = [];

  // layer is a canvas, which is painted on; what stands on it now is what the first undo leads back to.
  constructor(layer, ink) {
    this.#layer = layer;
    this.#context = layer.getContext("2d", { willReadFrequently: true });
    this.#ink = ink;
    this.#ground = layer.getContext("2d").getImageData(0, 0, layer.width, layer.height);
  }

  get canUndo() {
    return this.#done.length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  // Begins a line: { erase, size (pixels of the layer), points: [[x, y], …] }.
  begin(line) {
    this.#undone = [];
    this.#done.push({ kind: "line", ...line });
    this.#line(line);
  }

  // Goes on with it.
  extend(...points) {
    const line = this.#done.at(-1);
    this.#line({ ...line, points: [line.points.at(-1), ...points] });
    line.points.push(...points);
  }

  invert() {
    this.#add({ kind: "invert" });
  }

  clear() {
    this.#add({ kind: "clear" });
  }

  undo() {
    if (!this.canUndo) return;
    this.#undone.push(this.#done.pop());
    this.#context.putImageData(this.#ground, 0, 0);
    for (const each of this.#done) this.#draw(each);
  }

  redo() {
    if (!this.canRedo) return;
    const again = this.#undone.pop();
    this.#done.push(again);
    this.#draw(again);
  }

  #add(what) {
    this.#undone = [];
    this.#done.push(what);
    this.#draw(what);
  }

  #draw(what) {
    const { width, height } = this.#layer;
    if (what.kind === "line") {
      this.#line(what);
    } else if (what.kind === "clear") {
      this.#context.clearRect(0, 0, width, height);
    } else {
      this.#context.globalCompositeOperation = "xor";
      this.#context.fillStyle = this.#ink;
      this.#context.fillRect(0, 0, width, height);
      this.#context.globalCompositeOperation = "source-over";
    }
  }

  #line({ erase, size, points }) {
    const context = this.#context;
    context.globalCompositeOperation = erase ? "destination-out" : "source-over";
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = size;
    context.strokeStyle = context.fillStyle = this.#ink;
    context.beginPath();
    if (points.length === 1) {
      // A line of no length is not drawn at all.
      context.arc(...points[0], size / 2, 0, 2 * Math.PI);
      context.fill();
    } else {
      for (const point of points) context.lineTo(...point);
      context.stroke();
    }
    context.globalCompositeOperation = "source-over";
  }
}
