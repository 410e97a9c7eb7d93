// Bootstrap's own script, and Popper, which it places menus with: fetched when something that needs them is first
// pointed at, focused or pressed, and not before, as most visits open no menu. A press that comes before the scripts do
// is repeated once they are there.

const NEEDS = "[data-bs-toggle]";
const FILES = ["umd/popper.min.js", "js/bootstrap.min.js"];
let loading = null;
let ready = false;

// They lie beside our own files, under the same version: /static/1f3a…/js/ here is /bootstrap/static/1f3a…/ there.
const folder = new URL(`/bootstrap${new URL("../", import.meta.url).pathname}`, import.meta.url);

function load() {
  loading ??= Promise.all(FILES.map(fetched)).then(() => (ready = true));
  return loading;
}

function fetched(file) {
  return new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = new URL(file, folder).href;
    // In the order they are asked for: the second needs the first.
    script.async = false;
    script.addEventListener("load", done);
    script.addEventListener("error", failed);
    document.head.append(script);
  });
}

const needing = (event) => event.target.closest?.(NEEDS);

export function wireBootstrap() {
  for (const kind of ["pointerover", "focusin", "touchstart"]) {
    document.addEventListener(kind, (event) => needing(event) && load().catch(() => (loading = null)), { passive: true });
  }
  document.addEventListener(
    "click",
    (event) => {
      const pressed = needing(event);
      if (!pressed || ready) return;
      event.preventDefault();
      event.stopPropagation();
      load().then(
        () => pressed.click(),
        () => (loading = null),
      );
    },
    { capture: true },
  );
}
