/* Live pages: the tab's title, and polling where no events come through (a buffering proxy). */
"use strict";
(() => {
  const SILENCE_MS = 25000; // the server repeats itself every 15 s
  const POLL_MS = 5000;
  const plainTitle = document.title;
  const heard = new Map();

  function tellTitle() {
    const news = document.querySelector("[data-title]")?.dataset.title;
    document.title = news ? `${news} · ${plainTitle}` : plainTitle;
  }

  function poll() {
    document.querySelectorAll("[data-live]").forEach((part) => {
      const since = heard.get(part.id) ?? heard.set(part.id, Date.now()).get(part.id);
      if (document.hidden || Date.now() - since < SILENCE_MS) return;
      htmx.ajax("GET", part.dataset.live, { target: `#${part.id}`, select: `#${part.id}`, swap: "outerMorph" });
    });
  }

  document.addEventListener("htmx:after:sse:message", (event) => {
    heard.set(event.target.id, Date.now());
    tellTitle();
  });
  document.addEventListener("htmx:finally:swap", tellTitle); // after htmx took over the title of what it fetched
  setInterval(poll, POLL_MS);
  tellTitle();
})();
