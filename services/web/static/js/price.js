// What a generation costs and how long it takes, before it is sent. tasks has the last word on both.

const STEP_PIXELS_A_TOKEN = 20 * 512 * 512;

// samples × max(1, ⌈steps · width · height / (20 · 512²)⌉) whole tokens.
export function price({ steps, width, height, samples }) {
  return samples * Math.max(1, Math.ceil((steps * width * height) / STEP_PIXELS_A_TOKEN));
}

// Seconds by the same formula as the server's: the measured size nearest in pixels, in proportion to the pixels, and
// half of a step's time where guidance is off. null when nothing was measured.
export function seconds({ steps, width, height, samples, guidance }, stepTimes) {
  const pixels = width * height;
  const away = (each) => Math.abs(each.width * each.height - pixels);
  const nearest = stepTimes.reduce((best, each) => (best && away(best) <= away(each) ? best : each), null);
  if (!nearest) return null;
  const scale = pixels / (nearest.width * nearest.height);
  const step = nearest.step_us * scale * (guidance > 1 ? 1 : 0.5);
  return (samples * (steps * step + nearest.image_us * scale)) / 1e6;
}
