/* Draws the charts of a page from the options that stand in it as JSON, in the page's theme, and saves them. */
"use strict";
(() => {
  const KEY = /^[0-9a-f]{64}$/; // of a training: a point that leads to its receipt
  const SMALL = { width: 250, height: 190, head: 38, gap: 14 }; // px, of one of many charts in a figure
  const drawn = new Map(); // element -> chart

  function optionsOf(element) {
    return JSON.parse(document.getElementById(element.dataset.chart).textContent);
  }

  function option(element) {
    const found = optionsOf(element)[document.documentElement.dataset.bsTheme];
    found.textStyle = { fontFamily: getComputedStyle(document.body).fontFamily };
    if ("remembers" in element.dataset) {
      const hidden = new URLSearchParams(location.search).getAll("hide");
      found.legend.selected = Object.fromEntries(hidden.map((name) => [name, false]));
    }
    return found;
  }

  /* Many small charts in one figure: as many columns as fit; returns the height that they take. */
  function arrange(found, width) {
    const columns = Math.max(1, Math.floor(width / SMALL.width));
    const wide = width / columns;
    found.grid.forEach((grid, k) => {
      const left = (k % columns) * wide + SMALL.gap / 2;
      const top = Math.floor(k / columns) * SMALL.height;
      const inner = { width: wide - SMALL.gap, height: SMALL.height - SMALL.head - SMALL.gap };
      Object.assign(grid, { left, top: top + SMALL.head, ...inner });
      Object.assign(found.title[k], { left, top });
      found.title[k].textStyle.width = inner.width;
    });
    return Math.ceil(found.grid.length / columns) * SMALL.height;
  }

  function place(element, found) {
    if ("multiples" in element.dataset) element.style.height = `${arrange(found, element.clientWidth - 16) + 16}px`;
    return found;
  }

  function begin(element) {
    const chart = echarts.init(element, null, { renderer: "canvas" });
    chart.on("click", ({ data }) => {
      const key = Array.isArray(data) ? data.at(-1) : "";
      if (element.dataset.leads && KEY.test(key)) location.assign(element.dataset.leads.replace("KEY", key));
    });
    chart.on("legendselectchanged", ({ selected }) => { if ("remembers" in element.dataset) remember(selected); });
    return chart;
  }

  /* What the legend hides stands in the address: a link shows the same. */
  function remember(selected) {
    const address = new URL(location);
    address.searchParams.delete("hide");
    Object.entries(selected).forEach(([name, shown]) => { if (!shown) address.searchParams.append("hide", name); });
    history.replaceState(history.state, "", address);
  }

  function draw() {
    drawn.forEach((chart, element) => {
      if (!element.isConnected) { chart.dispose(); drawn.delete(element); }
    });
    document.querySelectorAll("[data-chart]").forEach((element) => {
      const found = place(element, option(element));
      const chart = drawn.get(element) ?? begin(element);
      drawn.set(element, chart);
      chart.resize();
      chart.setOption(found, { notMerge: true });
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
    const found = option(element);
    const size = { width: 1200, height: "multiples" in element.dataset ? arrange(found, 1200) : 700 };
    const chart = echarts.init(box, null, { renderer: kind === "svg" ? "svg" : "canvas", ...size });
    chart.setOption(found);
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
  window.addEventListener("resize", () => {
    drawn.forEach((chart, element) => {
      if ("multiples" in element.dataset) chart.setOption(place(element, option(element)));
      chart.resize();
    });
  });
  draw();
})();
