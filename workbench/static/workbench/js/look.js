/* Forms whose choices change what the page shows: the part is fetched without a reload, and the address tells it. */
"use strict";
(() => {
  const PAUSE_MS = 250; // a slider speaks at every pixel
  let waiting = 0;

  /* The address that the form's choices make; what the legend hides stays in it. */
  function addressOf(form) {
    const told = [...new FormData(form)].filter(([, value]) => value !== "");
    const hidden = new URLSearchParams(location.search).getAll("hide").map((name) => ["hide", name]);
    const query = new URLSearchParams([...told, ...hidden]).toString();
    return location.pathname + (query && `?${query}`);
  }

  function show(form) {
    if (!form.isConnected || !form.reportValidity()) return;
    const address = addressOf(form);
    history.replaceState(history.state, "", address);
    document.querySelector(form.dataset.whole)?.setAttribute("hx-get", address);
    fetchPart(form, address);
  }

  function fetchPart(form, address) {
    htmx.ajax("GET", address, { target: form.dataset.look, select: form.dataset.look, swap: "outerHTML settle:0" });
  }

  /* While it is computed: drawn again when another training is done, unless somebody reads in it. */
  let counted = "";
  document.addEventListener("htmx:after:sse:message", () => {
    const form = document.querySelector("form[data-counts]");
    const count = form && document.querySelector(form.dataset.counts)?.textContent;
    if (!count || count === counted) return;
    counted = count;
    const part = document.querySelector(form.dataset.look);
    if (part.querySelector("details[open], #curve-table:not([hidden])")) return;
    fetchPart(form, location.pathname + location.search);
  });

  document.addEventListener("input", (event) => {
    const driven = event.target.dataset.drives; // a slider moves a field
    if (driven) document.getElementById(driven).value = event.target.value;
    document.querySelectorAll(`[data-drives="${CSS.escape(event.target.id)}"]`).forEach((slider) => {
      if (event.target.id) slider.value = event.target.value;
    });
    const form = event.target.form;
    if (!form?.dataset.look) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => show(form), PAUSE_MS);
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.dataset.look) return;
    event.preventDefault();
    clearTimeout(waiting);
    show(event.target);
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copies-address]");
    if (!button) return;
    await navigator.clipboard.writeText(location.href);
    const before = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = before; }, 1500);
  });
})();
