"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const charts = [...document.querySelectorAll("[data-figure]")];
  const drawn = new Set();
  const still = { displayModeBar: false, responsive: true, showTips: false, doubleClick: false };
  let library = null;

  function load() {
    library ??= unpack();
    return library;
  }

  async function unpack() {
    const bytes = Uint8Array.from(atob(document.getElementById("plotly").textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
    return window.Plotly;
  }

  // Colours are names of the style sheet's variables: "--kept" becomes what it is in this light.
  function coloured(value, style) {
    if (typeof value === "string") return value.startsWith("--") ? style.getPropertyValue(value).trim() : value;
    if (Array.isArray(value)) return value.map((one) => coloured(one, style));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, coloured(one, style)]));
  }

  function draw(chart, plotly) {
    const style = getComputedStyle(document.documentElement);
    const { data, layout } = coloured(figures[chart.dataset.figure], style);
    const paper = chart.closest(".broad") ? { width: 690, height: 400 } : { width: 222, height: 118 }; // a third of A4
    Object.assign(layout, document.documentElement.classList.contains("printing") ? paper : { autosize: true });
    plotly.react(chart, data, layout, still);
    drawn.add(chart);
  }

  const again = (which) => load().then((plotly) => which.forEach((chart) => draw(chart, plotly)));

  const seen = new IntersectionObserver(
    (entries) => {
      const near = entries.filter((entry) => entry.isIntersecting).map((entry) => entry.target);
      near.forEach((chart) => seen.unobserve(chart));
      if (near.length) again(near);
    },
    { rootMargin: "600px" },
  );
  charts.forEach((chart) => seen.observe(chart));
  addEventListener("load", () => setTimeout(load, 0)); // for beforeprint, which cannot wait

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => again([...drawn]));
  addEventListener("beforeprint", () => {
    document.documentElement.classList.add("printing");
    document.querySelectorAll("details[data-print]").forEach((one) => (one.open = true));
    if (window.Plotly) charts.forEach((chart) => draw(chart, window.Plotly));
  });
  addEventListener("afterprint", () => {
    document.documentElement.classList.remove("printing");
    again(charts);
  });
})();
