// Makes the charts of a page interactive, and narrows the list of companies to what a reader types. Without this
// script a page shows everything as well: charts are SVG, and the search is a form.
"use strict";

(function () {
  const NAMES = {BUY: "▲ BUY", SELL: "▼ SELL", headline: "headline"};
  const DAY = new Intl.DateTimeFormat("en-GB", {weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC"});
  const MONTH = new Intl.DateTimeFormat("en-GB", {day: "numeric", month: "short", timeZone: "UTC"});

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function price(value) {
    return value.toLocaleString("en-US", {minimumFractionDigits: 2, maximumFractionDigits: 2});
  }

  // The signals and headlines are drawn over the line: a dashed line for a headline, a triangle for a signal.
  function drawMarks(marks) {
    return function (plot) {
      const canvas = plot.ctx;
      const ratio = window.devicePixelRatio || 1;
      canvas.save();
      marks.forEach(function (mark) {
        const kind = mark[1];
        const x = plot.valToPos(plot.data[0][mark[0]], "x", true);
        const y = plot.valToPos(plot.data[1][mark[0]], "y", true);
        if (x < plot.bbox.left || x > plot.bbox.left + plot.bbox.width) return;
        canvas.strokeStyle = colour("--mark");
        canvas.lineWidth = ratio;
        if (kind === "headline") {
          canvas.setLineDash([3 * ratio, 3 * ratio]);
          canvas.beginPath();
          canvas.moveTo(x, plot.bbox.top);
          canvas.lineTo(x, plot.bbox.top + plot.bbox.height);
          canvas.stroke();
          canvas.setLineDash([]);
          return;
        }
        const up = kind === "BUY" ? 1 : -1;
        const size = 6 * ratio;
        canvas.fillStyle = colour(kind === "BUY" ? "--buy" : "--sell");
        canvas.beginPath();
        canvas.moveTo(x, y - up * size);
        canvas.lineTo(x + size, y + up * size);
        canvas.lineTo(x - size, y + up * size);
        canvas.closePath();
        canvas.fill();
      });
      canvas.restore();
    };
  }

  function enhance(figure) {
    const chart = JSON.parse(figure.dataset.chart);
    const picture = figure.querySelector("svg");
    const words = figure.querySelector("output");
    const seconds = chart.days.map(function (day) { return Date.parse(day + "T00:00:00Z") / 1000; });
    const marked = new Map();
    chart.marks.forEach(function (mark) {
      marked.set(mark[0], (marked.get(mark[0]) || []).concat(NAMES[mark[1]]));
    });

    function say(index) {
      const after = marked.has(index) ? "; then " + marked.get(index).join(", ") : "";
      words.textContent = DAY.format(new Date(1000 * seconds[index])) + ": " + price(chart.values[index]) + after;
    }

    const place = document.createElement("div");
    place.className = "plot";
    place.tabIndex = 0;
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", picture.getAttribute("aria-label") + ". Left and right arrow read out one session after the other.");
    picture.before(place);
    picture.setAttribute("hidden", "");

    function build() {
      const quiet = colour("--quiet");
      const axis = {stroke: quiet, grid: {stroke: colour("--rule"), width: 1}, ticks: {show: false}, font: "12px sans-serif"};
      return new uPlot({
        width: figure.clientWidth,
        height: 220,
        legend: {show: false},
        scales: {x: {time: true}},
        padding: [8, 8, 0, 0],
        cursor: {y: false, points: {size: 7, fill: colour("--text")}},
        axes: [
          Object.assign({}, axis, {values: function (_plot, ticks) { return ticks.map(function (tick) { return MONTH.format(new Date(1000 * tick)); }); }, space: 70, size: 26}),
          Object.assign({}, axis, {size: 48, values: function (_plot, ticks) { return ticks.map(function (tick) { return tick.toLocaleString("en-US"); }); }})
        ],
        series: [{}, {stroke: colour("--mark"), fill: colour("--area"), width: 2}],
        hooks: {
          draw: [drawMarks(chart.marks)],
          setCursor: [function (plot) { if (plot.cursor.idx !== null && plot.cursor.idx !== undefined) say(plot.cursor.idx); }]
        }
      }, [seconds, chart.values], place);
    }

    let plot = build();
    function rebuild() {
      plot.destroy();
      plot = build();
    }
    window.addEventListener("resize", function () { plot.setSize({width: figure.clientWidth, height: 220}); });
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", rebuild);

    // The pointer's readings are for the eye alone: a screen reader would drown in them.
    let index = seconds.length - 1;
    place.addEventListener("keydown", function (event) {
      const step = {ArrowLeft: -1, ArrowRight: 1, Home: -seconds.length, End: seconds.length}[event.key];
      if (step === undefined) return;
      event.preventDefault();
      index = Math.min(Math.max(index + step, 0), seconds.length - 1);
      words.setAttribute("aria-live", "polite");
      plot.setCursor({left: plot.valToPos(seconds[index], "x"), top: 0});
      say(index);
    });
    place.addEventListener("pointermove", function () { words.removeAttribute("aria-live"); });
  }

  function narrow(form) {
    const field = form.querySelector("input[type=search]");
    const rows = Array.from(document.querySelectorAll("[data-company]"));
    const none = document.getElementById("no-company");
    function show() {
      const asked = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach(function (row) {
        const starts = row.dataset.company.toLowerCase().split(/\s+/);
        row.hidden = !asked.every(function (word) { return starts.some(function (start) { return start.startsWith(word); }); });
        shown += row.hidden ? 0 : 1;
      });
      none.hidden = shown > 0;
    }
    // Published pages are files: the address has the search, the page has all companies.
    const query = new URLSearchParams(location.search).get("q");
    if (query && !field.value) field.value = query;
    field.addEventListener("input", show);
    show();
  }

  document.querySelectorAll("figure[data-chart]").forEach(enhance);
  document.querySelectorAll("form[data-narrow]").forEach(narrow);
})();
