// Canvases: the page's policy allows no blob: or data: pictures, so what is not yet on the server is drawn.

export function canvasOf(width, height) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  return canvas;
}

// A picture of this site as a canvas of its own size. Its answer's status is the error's when there is none.
export async function fetched(path) {
  // The browser may have kept it for longer than the server has.
  const answer = await fetch(path, { cache: "no-cache" });
  if (!answer.ok) throw Object.assign(new Error("no picture"), { status: answer.status });
  const bitmap = await createImageBitmap(await answer.blob());
  const canvas = canvasOf(bitmap.width, bitmap.height);
  canvas.getContext("2d", { willReadFrequently: true }).drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas;
}

// Fills a canvas with a picture, cut to its shape.
export function drawCover(canvas, picture) {
  const context = canvas.getContext("2d");
  const scale = Math.max(canvas.width / picture.width, canvas.height / picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
}

export function encoded(canvas, type, quality) {
  return new Promise((resolve) => canvas.toBlob(resolve, type, quality));
}
