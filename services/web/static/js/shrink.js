// A picture made ready to be sent: upright, no larger than the model can use, packed anew and without what else was in
// its file. What cannot be used is told before anything is sent; the server looks at all of it again.

import { canvasOf, encoded } from "./canvases.js";
import { Unusable } from "./unusable.js";

const MOST_BYTES = 20 * 1024 * 1024;
const LEAST_SIDE = 16;
const QUALITY = 0.92;

// Gives { canvas, blob, saved }: the picture, its file, and by how many bytes that is smaller than the one chosen.
export async function shrink(file, mostSide) {
  if (!file.size) throw new Unusable("The file is empty.");
  if (file.size > MOST_BYTES) throw new Unusable("The file is too large; 20 MB are allowed.");
  if (!known(new Uint8Array(await file.slice(0, 12).arrayBuffer()))) {
    throw new Unusable("Only PNG, JPEG and WebP pictures can be used.");
  }
  const canvas = await scaled(file, mostSide);
  const blob = await packed(canvas);
  if (!blob) throw new Unusable("The picture is too large to be unpacked here.");
  return { canvas, blob, saved: file.size - blob.size };
}

// By its first bytes: names and the types that are made from them say little.
function known(head) {
  const text = String.fromCharCode(...head);
  return text.startsWith("\x89PNG\r\n\x1a\n") || text.startsWith("\xff\xd8\xff") || /^RIFF.{4}WEBP/s.test(text);
}

async function scaled(file, mostSide) {
  const whole = await unpacked(file, { imageOrientation: "from-image" });
  const scale = Math.min(1, mostSide / Math.max(whole.width, whole.height));
  const [width, height] = [Math.round(whole.width * scale), Math.round(whole.height * scale)];
  if (Math.min(width, height) < LEAST_SIDE) {
    whole.close();
    throw new Unusable(`The picture is too narrow; both sides must be ${LEAST_SIDE} pixels or more.`);
  }
  const options = { resizeWidth: width, resizeHeight: height, resizeQuality: "high" };
  const fitting = scale < 1 ? await unpacked(whole, options) : whole;
  const canvas = canvasOf(width, height);
  canvas.getContext("2d", { willReadFrequently: true }).drawImage(fitting, 0, 0, width, height);
  whole.close();
  fitting.close();
  return canvas;
}

async function unpacked(source, options) {
  try {
    return await createImageBitmap(source, options);
  } catch {
    throw new Unusable("The picture cannot be read; its file is damaged or too large to be unpacked here.");
  }
}

// WebP, or PNG where it is transparent; a browser that cannot write WebP answers with another type, and writes JPEG.
async function packed(canvas) {
  if (transparent(canvas)) return encoded(canvas, "image/png");
  const webp = await encoded(canvas, "image/webp", QUALITY);
  return webp?.type === "image/webp" ? webp : encoded(canvas, "image/jpeg", QUALITY);
}

function transparent(canvas) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 3; at < data.length; at += 4) if (data[at] < 255) return true;
  return false;
}
