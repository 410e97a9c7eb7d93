// The texts in a PNG file. Anybody can have made it, so every length is checked before it is believed.

import { Unusable } from "./unusable.js";

export const MOST_BYTES = 20 * 1024 * 1024;
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
// Bytes of a text that is looked at; longer ones are passed over.
const MOST_TEXT = 65536;
const HEADER = 13;

const DAMAGED = "The file is damaged, so nothing was read from it.";

// Texts by keyword, the first of each; compressed ones are passed over. Raises Unusable.
export function texts(buffer) {
  const bytes = new Uint8Array(buffer);
  if (!SIGNATURE.every((byte, at) => bytes[at] === byte)) {
    throw new Unusable("That is no PNG; only a PNG can say how it was made.");
  }
  const view = new DataView(buffer);
  const found = new Map();
  for (let at = SIGNATURE.length; ; ) {
    if (at + 12 > bytes.length) throw new Unusable(DAMAGED);
    const length = view.getUint32(at);
    const kind = latin(bytes.subarray(at + 4, at + 8));
    const end = at + 8 + length;
    if (end + 4 > bytes.length || !/^[A-Za-z]{4}$/.test(kind)) throw new Unusable(DAMAGED);
    if (at === SIGNATURE.length && (kind !== "IHDR" || length !== HEADER)) throw new Unusable(DAMAGED);
    if (kind === "IEND") return found;
    if ((kind === "tEXt" || kind === "iTXt") && length <= MOST_TEXT) {
      if (checksum(bytes.subarray(at + 4, end)) !== view.getUint32(end)) throw new Unusable(DAMAGED);
      const [keyword, text] = (kind === "tEXt" ? plain : international)(bytes.subarray(at + 8, end));
      if (text !== null && !found.has(keyword)) found.set(keyword, text);
    }
    at = end + 4;
  }
}

// Each byte is a character: what TextDecoder calls latin1 is another table.
function latin(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function split(bytes) {
  const end = bytes.indexOf(0);
  if (end < 1 || end > 79) throw new Unusable(DAMAGED);
  return [latin(bytes.subarray(0, end)), bytes.subarray(end + 1)];
}

function plain(bytes) {
  const [keyword, rest] = split(bytes);
  return [keyword, latin(rest)];
}

// Keyword, whether and how it is compressed, its language, the keyword in that language, the text in UTF-8.
function international(bytes) {
  const [keyword, rest] = split(bytes);
  const language = rest.indexOf(0, 2);
  const translated = language < 0 ? -1 : rest.indexOf(0, language + 1);
  if (translated < 0 || rest[0] > 1) throw new Unusable(DAMAGED);
  if (rest[0] === 1) return [keyword, null];
  try {
    return [keyword, new TextDecoder("utf-8", { fatal: true }).decode(rest.subarray(translated + 1))];
  } catch {
    throw new Unusable(DAMAGED);
  }
}

// CRC-32, a bit at a time: texts are short.
function checksum(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return (sum ^ 0xffffffff) >>> 0;
}
