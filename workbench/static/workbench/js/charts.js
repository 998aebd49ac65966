/* Draws the charts of a page from the options that stand in it as JSON, in the page's theme, and saves them. */
"use strict";
(() => {
  const drawn = new Map(); // element -> chart

  function optionsOf(element) {
    return JSON.parse(document.getElementById(element.dataset.chart).textContent);
  }

  function option(element) {
    const found = optionsOf(element)[document.documentElement.dataset.bsTheme];
    found.textStyle = { fontFamily: getComputedStyle(document.body).fontFamily };
    return found;
  }

  function draw() {
    drawn.forEach((chart, element) => {
      if (!element.isConnected) { chart.dispose(); drawn.delete(element); }
    });
    document.querySelectorAll("[data-chart]").forEach((element) => {
      const chart = drawn.get(element) ?? echarts.init(element, null, { renderer: "canvas" });
      drawn.set(element, chart);
      chart.setOption(option(element), { notMerge: true });
    });
  }

  /* A running training: its last figures become points of both themes' options. */
  function grow() {
    const figures = document.querySelector("[data-figures]")?.dataset.figures;
    const element = document.querySelector("[data-grows]");
    if (!figures || !element) return;
    const { step, loss, accuracy, validation_accuracy: validated } = JSON.parse(figures);
    const holder = document.getElementById(element.dataset.chart);
    const options = JSON.parse(holder.textContent);
    for (const { series } of Object.values(options)) {
      if (loss === undefined || series[0].data.at(-1)?.[0] === step) return;
      series.forEach((line) => { line.data = line.data.filter(([at]) => at < step); }); // a new attempt goes back
      series[0].data.push([step, loss]);
      series[1].data.push([step, 100 * accuracy]);
      if (validated !== undefined) series[2]?.data.push([step, 100 * validated]);
    }
    holder.textContent = JSON.stringify(options);
    draw();
  }

  function save(button) {
    const element = document.getElementById(button.dataset.saves);
    const kind = button.dataset.as;
    const box = document.createElement("div");
    const chart = echarts.init(box, null, { renderer: kind === "svg" ? "svg" : "canvas", width: 1200, height: 700 });
    chart.setOption(option(element));
    const ground = getComputedStyle(document.body).backgroundColor;
    const link = document.createElement("a");
    link.href = chart.getDataURL({ type: kind, pixelRatio: 2, backgroundColor: ground });
    link.download = `${element.dataset.name}.${kind}`;
    link.click();
    chart.dispose();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-saves]");
    if (button) save(button);
  });
  document.addEventListener("seedbed:theme", draw);
  document.addEventListener("seedbed:chart", draw);
  document.addEventListener("htmx:after:swap", draw);
  document.addEventListener("htmx:after:sse:message", grow);
  window.addEventListener("resize", () => drawn.forEach((chart) => chart.resize()));
  draw();
})();
