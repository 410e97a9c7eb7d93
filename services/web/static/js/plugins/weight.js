// About how much a message holds, in bytes, without copying it. Stops where it is more than `most`: a message of any
// shape and depth is weighed in bounded time.

export function weight(message, most) {
  const waiting = [message];
  const seen = new Set();
  let bytes = 0;
  while (waiting.length && bytes <= most) {
    const value = waiting.pop();
    if (typeof value === "string") bytes += value.length * 2;
    else if (value === null || typeof value !== "object") bytes += 8;
    else if (!seen.has(value)) {
      seen.add(value);
      bytes += own(value);
      for (const each of within(value)) {
        waiting.push(each);
        bytes += 8;
        if (bytes > most) return bytes;
      }
    }
  }
  return bytes;
}

function own(value) {
  if (value instanceof Blob) return value.size;
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer ? value.byteLength : 16;
}

function* within(value) {
  if (ArrayBuffer.isView(value)) return;
  if (value instanceof Map) for (const [key, each] of value) yield* [key, each];
  else if (value instanceof Set) yield* value;
  else for (const key in value) yield* [key, value[key]];
}
