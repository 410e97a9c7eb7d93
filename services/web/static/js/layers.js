// A mask in its two forms. On the page it is a layer: hatched where the picture is drawn anew, clear where it stays.
// On its way it is a picture of the same shape, white where drawn anew and black where not.

import { canvasOf } from "./canvases.js";

const WHITE = 128;
// Sides of a layer: small pictures get larger ones, so that a brush has an edge.
const LEAST_SIDE = 512;

// An empty layer over a picture. Its sides are whole multiples of the picture's, so both have the very same shape.
export function layerOver({ width, height }) {
  const times = Math.max(1, Math.ceil(LEAST_SIDE / Math.max(width, height)));
  return canvasOf(width * times, height * times);
}

// What a layer is painted with: stripes of light and dark, to be seen on any picture.
export function ink(context) {
  const tile = canvasOf(16, 16);
  const brush = tile.getContext("2d");
  const look = getComputedStyle(document.documentElement);
  brush.fillStyle = look.getPropertyValue("--dd-sun");
  brush.fillRect(0, 0, 16, 16);
  brush.strokeStyle = look.getPropertyValue("--dd-on-sun");
  brush.lineWidth = 3;
  brush.beginPath();
  for (const from of [-16, 0, 16]) {
    // Beyond the tile at both ends, so that the stripes meet those of the next one.
    brush.moveTo(from - 4, 20);
    brush.lineTo(from + 20, -4);
  }
  brush.stroke();
  return context.createPattern(tile, "repeat");
}

// A layer as it is sent.
export function maskOf(layer) {
  const mask = canvasOf(layer.width, layer.height);
  const context = mask.getContext("2d");
  context.drawImage(layer, 0, 0);
  context.globalCompositeOperation = "source-in";
  fill(context, "#fff");
  context.globalCompositeOperation = "destination-over";
  fill(context, "#000");
  return mask;
}

// What was sent as a layer again.
export function layerOf(mask) {
  const layer = canvasOf(mask.width, mask.height);
  const context = layer.getContext("2d");
  const { data } = mask.getContext("2d").getImageData(0, 0, mask.width, mask.height);
  const clear = context.createImageData(mask.width, mask.height);
  for (let at = 0; at < data.length; at += 4) {
    const light = (data[at] + data[at + 1] + data[at + 2]) / 3;
    clear.data[at + 3] = light >= WHITE && data[at + 3] >= WHITE ? 255 : 0;
  }
  context.putImageData(clear, 0, 0);
  context.globalCompositeOperation = "source-in";
  fill(context, ink(context));
  return layer;
}

// How much of it is painted, 0 to 1.
export function share(layer) {
  const small = canvasOf(64, 64);
  const context = small.getContext("2d", { willReadFrequently: true });
  context.drawImage(layer, 0, 0, 64, 64);
  const { data } = context.getImageData(0, 0, 64, 64);
  let sum = 0;
  for (let at = 3; at < data.length; at += 4) sum += data[at];
  return sum / (64 * 64 * 255);
}

function fill(context, colour) {
  context.fillStyle = colour;
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
}
