// How a picture says it was made: by our own chunk, or by the text that common tools write. Read here, in the browser;
// the file is not sent anywhere.

import { parsed } from "./infotext.js";
import { MOST_BYTES, texts } from "./pngtext.js";
import { Unusable } from "./unusable.js";

const MOST_SIDE = 16384;
const MOST_TEXT = 8192;
const MOST_ADAPTERS = 16;
const ID = /^[A-Za-z0-9_-]{1,64}$/;
const whole = (least, most) => (value) => Number.isSafeInteger(value) && value >= least && value <= most;
const between = (least, most) => (value) => typeof value === "number" && value >= least && value <= most;
const words = (most) => (value) => typeof value === "string" && value.length <= most;
const names = (...keys) => (value) => {
  if (!value || typeof value !== "object") return false;
  const [key, ...more] = Object.keys(value);
  return !more.length && keys.includes(key) && typeof value[key] === "string" && ID.test(value[key]);
};
const CHECKS = {
  prompt: words(MOST_TEXT),
  negative_prompt: words(MOST_TEXT),
  model: words(128),
  sampler: words(128),
  steps: whole(1, MOST_SIDE),
  guidance: between(0, 1000),
  width: whole(1, MOST_SIDE),
  height: whole(1, MOST_SIDE),
  seed: whole(0, Number.MAX_SAFE_INTEGER),
  start_image: names("upload_id", "image_id"),
  mask: names("upload_id"),
  strength: between(0, 1),
  variation_seed: whole(0, Number.MAX_SAFE_INTEGER),
  variation_strength: between(0, 1),
  guidance_rescale: between(0, 1),
  clip_skip: whole(0, 64),
  adapters: (value) =>
    Array.isArray(value) &&
    value.length <= MOST_ADAPTERS &&
    value.every((each) => each && words(128)(each.name) && between(-1000, 1000)(each.weight)),
};
const TEXTS = ["prompt", "negative_prompt"];

// The settings in a PNG, for one picture. Raises Unusable with a sentence.
export async function readSettings(file) {
  if (file.size > MOST_BYTES) throw new Unusable("The file is too large; 20 MB are allowed.");
  const said = texts(await file.arrayBuffer());
  const settings = ours(said.get("daydream")) || theirs(said.get("parameters"));
  if (!settings) {
    throw new Unusable("This picture does not say how it was made. To begin from it, drop it on the start image.");
  }
  for (const name of TEXTS) settings[name] = clean(settings[name]);
  return { ...settings, samples: 1 };
}

// Null where it is not ours, and where one value is not what it must be: then nothing of it is believed.
function ours(text) {
  if (text === undefined) return null;
  let said;
  try {
    said = JSON.parse(text);
  } catch {
    return null;
  }
  if (!said || typeof said !== "object") return null;
  const known = Object.entries(said).filter(([name]) => Object.hasOwn(CHECKS, name));
  const settings = Object.fromEntries(known);
  const needed = ["prompt", "negative_prompt", "steps", "guidance", "width", "height", "seed"];
  if (!needed.every((name) => name in settings)) return null;
  return known.every(([name, value]) => CHECKS[name](value)) ? settings : null;
}

// Each value by itself: tools differ in what they write, and one that makes no sense says nothing of the others.
function theirs(text) {
  const said = text === undefined ? null : parsed(text);
  if (!said) return null;
  const settings = Object.fromEntries(Object.entries(said).filter(([name, value]) => CHECKS[name](value)));
  return { prompt: "", negative_prompt: "", ...settings };
}

// Without what is no text: control characters, and halves of characters, which no server takes.
function clean(text) {
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]|\p{Cs}/gu, "");
}
