/* The form of a training: tells what the chosen preset says, and hides what has no effect beside the other choices. */
"use strict";
(() => {
  const form = document.getElementById("train-form");
  const { presets, needs } = JSON.parse(document.getElementById("train-told").textContent);

  function preset() {
    return presets[new FormData(form).get("recipe")] ?? {};
  }

  function valueOf(name) {
    const typed = form.elements[name].value.trim();
    if (typed === "") return preset()[name];
    return typed === "none" ? null : typed;
  }

  function hasEffect([other, values]) {
    const found = valueOf(other);
    return values.length ? values.includes(found) : Boolean(found) && Number(found) !== 0;
  }

  function tell(name, value) {
    const field = form.elements[name];
    const first = field.options?.[0];
    const said = String(value ?? "none");
    if (first) first.textContent = `${first.textContent.split(": ")[0]}: ${said}`;
    else field.placeholder = said;
  }

  function refresh() {
    Object.entries(preset()).forEach(([name, value]) => tell(name, value));
    Object.entries(needs).forEach(([name, need]) => {
      const field = form.elements[name];
      const box = field.closest("[data-field]");
      // what was typed, and what is wrong, never hides
      box.hidden = field.value === "" && !box.querySelector(".field-error") && !hasEffect(need);
    });
  }

  /* The chosen preset's learning rates take the place of those that are shown. */
  function showSchedule(name) {
    document.querySelectorAll("[data-schedule]").forEach((part) => { part.hidden = part.dataset.schedule !== name; });
    const chart = document.getElementById("schedule-chart");
    chart.dataset.chart = `schedule-${name}`;
    chart.setAttribute("aria-label", document.querySelector(`[data-schedule="${name}"] [data-said]`).textContent);
    document.dispatchEvent(new CustomEvent("seedbed:chart"));
  }

  form.addEventListener("input", refresh);
  form.addEventListener("change", ({ target }) => { if (target.name === "recipe") showSchedule(target.value); });
  refresh();
})();
