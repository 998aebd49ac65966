/* Runs before the first paint, so that a dark page never flashes white. */
"use strict";
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;

  function chosen() {
    const kept = localStorage.getItem("seedbed-theme");
    return kept === "light" || kept === "dark" ? kept : "system";
  }

  function apply() {
    const choice = chosen();
    root.dataset.theme = choice;
    root.dataset.bsTheme = choice === "system" ? (dark.matches ? "dark" : "light") : choice;
    document.dispatchEvent(new CustomEvent("seedbed:theme"));
  }

  dark.addEventListener("change", apply);
  window.seedbedTheme = {
    chosen,
    next() {
      const order = ["system", "light", "dark"];
      localStorage.setItem("seedbed-theme", order[(order.indexOf(chosen()) + 1) % 3]);
      apply();
    },
  };
  apply();
})();
