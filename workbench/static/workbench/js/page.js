/* What every page does: theme button, shortcuts, relative times, dialogs, menus, copying, table views. */
"use strict";
(() => {
  const UNITS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]];
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

  function ago(then) {
    const seconds = (then - Date.now()) / 1000;
    const unit = UNITS.find(([, length]) => Math.abs(seconds) >= length);
    return unit ? words.format(Math.round(seconds / unit[1]), unit[0]) : "just now";
  }

  function tellTimes(root) {
    root.querySelectorAll("time[data-ago]").forEach((time) => {
      const text = ago(new Date(time.dateTime));
      if (time.textContent !== text) time.textContent = text;
    });
  }

  function nameTheme() {
    const button = document.querySelector("[data-theme-switch]");
    if (!button) return;
    const label = `Theme: ${window.seedbedTheme.chosen()}`;
    button.setAttribute("aria-label", label);
    button.title = label;
  }

  /* Two keys in a row, e.g. "g d": the first is kept for a second. */
  let first = "";
  let forgetting = 0;
  function onKey(event) {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "?") return void document.getElementById("shortcuts")?.showModal();
    if (event.key === "/") return focusSearch(event);
    const keys = first ? `${first} ${event.key}` : event.key;
    const links = [...document.querySelectorAll("[data-hotkey]")];
    first = links.some((link) => link.dataset.hotkey.startsWith(`${keys} `)) ? keys : "";
    clearTimeout(forgetting);
    forgetting = setTimeout(() => { first = ""; }, 1000);
    links.find((link) => link.dataset.hotkey === keys)?.click();
  }

  function focusSearch(event) {
    const search = document.querySelector("[data-search]");
    if (!search) return;
    event.preventDefault();
    search.focus();
  }

  function onClick(event) {
    const target = event.target;
    if (target.closest("[data-theme-switch]")) window.seedbedTheme.next();
    const opener = target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens).showModal();
    const copier = target.closest("[data-copies]");
    if (copier) copy(copier);
    const switcher = target.closest("[data-shows]");
    if (switcher) show(switcher);
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      if (!menu.contains(target)) menu.open = false;
    });
  }

  async function copy(button) {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent.trim());
    const before = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = before; }, 1500);
  }

  /* A chart and its table: one button shows the one and hides the other. */
  function show(button) {
    const shown = document.getElementById(button.dataset.shows);
    const hidden = document.getElementById(button.dataset.hides);
    shown.hidden = !shown.hidden;
    if (hidden) hidden.hidden = !shown.hidden;
    button.setAttribute("aria-pressed", String(!shown.hidden));
  }

  document.addEventListener("keydown", onKey);
  document.addEventListener("click", onClick);
  document.addEventListener("seedbed:theme", nameTheme);
  document.addEventListener("htmx:after:swap", () => tellTimes(document));
  document.addEventListener("htmx:after:sse:message", () => tellTimes(document));
  document.addEventListener("change", (event) => {
    if (event.target.closest("[data-submits]")) event.target.form.requestSubmit();
    const all = event.target.closest("[data-ticks]");
    if (all) all.form.querySelectorAll(`input[name="${all.dataset.ticks}"]`).forEach((box) => { box.checked = all.checked; });
  });
  document.querySelectorAll("[data-needs-script]").forEach((part) => { part.hidden = false; });
  setInterval(() => tellTimes(document), 15000);
  nameTheme();
  tellTimes(document);
})();
