// Small drawing helpers: icons from the page's sprite, previews on a canvas (the page's policy allows no data: URL).

const sprite = document.querySelector("svg.dd-i use").getAttribute("href").split("#")[0];

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "dd-i");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

// wanted() is asked when the picture is decoded: by then another may stand in its place. Tells whether it was drawn.
export async function drawPreview(canvas, { type, data }, wanted) {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type }));
  if (!wanted()) {
    bitmap.close();
    return false;
  }
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
  }
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
  return true;
}

export function clone(id) {
  const root = document.getElementById(id).content.firstElementChild.cloneNode(true);
  const part = (name) => root.querySelector(`[data-part="${name}"]`);
  return { root, part };
}

export function facts(list, pairs) {
  list.replaceChildren(
    ...pairs.flatMap(([name, value, wide]) => {
      const term = document.createElement("dt");
      term.textContent = name;
      const definition = document.createElement("dd");
      definition.textContent = value;
      if (wide) definition.className = "is-wide";
      return [term, definition];
    }),
  );
}
