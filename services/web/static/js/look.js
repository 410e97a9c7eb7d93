// Light or dark, before anything is painted. Classic and blocking on purpose; the switches are wired in shell.js.
(function () {
  "use strict";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  function chosen() {
    try {
      return localStorage.getItem("dd-look") || "system";
    } catch {
      return "system";
    }
  }
  function apply() {
    const look = chosen();
    const resolved = look === "system" ? (dark.matches ? "dark" : "light") : look;
    document.documentElement.dataset.bsTheme = resolved === "dark" ? "dark" : "light";
  }
  window.daydreamLook = {
    chosen,
    choose(look) {
      try {
        localStorage.setItem("dd-look", look);
      } catch {
        // Private windows may refuse to remember; the look then lasts as long as the page.
      }
      apply();
    },
  };
  dark.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  apply();
})();
