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

  form.addEventListener("input", refresh);
  refresh();
})();
