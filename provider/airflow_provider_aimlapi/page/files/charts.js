/* Draws the charts of a run. Each canvas has a label with its main figures, for readers who cannot see it. */
"use strict";
const charts = (() => {
  const { $, count, few, fill, make, root, seconds, usd, usdShort } = ui;
  const HEIGHT = 176;
  const drawn = new Map();
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const axis = (more) => ({
    stroke: () => colour("--faint"), font: "11px system-ui, sans-serif",
    grid: { stroke: () => colour("--line"), width: 1 }, ticks: { show: false }, ...more,
  });
  const span = (s) => (s < 60 ? `${Math.round(s)} s` : s < 7200 ? `${Math.round(s / 6) / 10} min` : `${Math.round(s / 360) / 10} h`);
  /* Distances of ticks. With fractions, the ticks of a run of two seconds would be "1 s, 1 s, 2 s, 2 s". */
  const WHOLE = Array.from({ length: 12 }, (_, i) => [1, 2, 5].map((n) => n * 10 ** i)).flat();
  const TIMES_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800];
  const timeAxis = () => axis({ values: (_, ticks) => ticks.map(span), incrs: TIMES_S, space: 70, size: 26, grid: { show: false } });
  const countAxis = () => axis({ values: (_, v) => v.map(few), incrs: WHOLE, size: 48 });
  const line = (label, name, more) => ({
    label, stroke: () => colour(name), width: 1.75, points: { show: false }, ...more,
  });

  function draw(id, label, options, data, isEmpty) {
    const box = $(id);
    if (isEmpty) {
      drawn.get(id)?.destroy();
      drawn.delete(id);
      box.replaceChildren(make("div", "No data yet", "empty"));
      return;
    }
    const known = drawn.get(id);
    if (known) known.setData(data);
    else create(id, box, options, data);
    const canvas = box.querySelector("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
  }

  function create(id, box, options, data) {
    box.replaceChildren();
    const chart = new uPlot({ width: box.clientWidth || 400, height: HEIGHT, cursor: { y: false }, legend: { show: true }, ...options }, data, box);
    drawn.set(id, chart);
    new ResizeObserver(() => {
      const width = box.clientWidth;
      if (drawn.get(id) === chart && width && width !== chart.width) chart.setSize({ width, height: HEIGHT });
    }).observe(box);
  }

  const last = (values) => values[values.length - 1] ?? 0;
  const most = (values) => values.reduce((highest, v) => Math.max(highest, v), 0);

  function drawSeries(series) {
    const x = series.at_s, isEmpty = x.length < 2;
    const slope = (values) => values.map((v, i) => {
      const before = Math.max(0, i - 2);
      return i ? Math.max(0, v - values[before]) / Math.max(1e-3, x[i] - x[before]) : 0;
    });
    const upwards = { range: (_, __, highest) => [0, highest > 0 ? highest * 1.08 : 1] };
    const scales = { x: { time: false }, y: upwards };
    const whole = (_, v) => (v === null ? "" : count(v));
    const fromTo = { label: "at", value: (_, v) => (v === null ? "" : span(v)) };
    const over = `over ${span(last(x))}`;
    const rates = slope(series.rows), throttled = slope(series.throttled), paid = series.cost_nano_usd;
    draw("chart-rate", `Rows per second ${over}: last ${few(last(rates))}, highest ${few(most(rates))}.`, {
      scales,
      axes: [timeAxis(), axis({ size: 48, values: (_, v) => v.map(few) })],
      series: [fromTo, line("rows/s", "--blue", { fill: () => colour("--blue-soft"), value: (_, v) => (v === null ? "" : few(v)) })],
    }, [x, rates], isEmpty);
    draw("chart-window", `Calls in flight ${over}: last ${count(last(series.in_flight))}, highest ${count(most(series.in_flight))}. The window: last ${count(last(series.window))}. 429s per second: highest ${few(most(throttled))}.`, {
      scales: { ...scales, throttled: { range: (_, __, highest) => [0, highest > 0 ? highest * 3 : 1] } },
      axes: [timeAxis(), countAxis()],
      series: [
        fromTo,
        line("in flight", "--blue", { fill: () => colour("--blue-soft"), value: whole }),
        line("window", "--window", { dash: [5, 4], value: whole }),
        line("429s per second", "--rejected", { scale: "throttled", width: 0, paths: uPlot.paths.bars({ size: [0.5, 6, 2] }), fill: () => colour("--rejected"), value: (_, v) => (v === null ? "" : v.toFixed(1)) }),
      ],
    }, [x, series.in_flight, series.window, throttled], isEmpty);
    draw("chart-cost", `Paid by this attempt ${over}: ${usd(last(paid))}.`, {
      scales,
      axes: [timeAxis(), axis({ size: 64, values: (_, v) => v.map((d) => usdShort(d * 1e9)) })],
      series: [fromTo, line("paid", "--ok", { value: (_, v) => (v === null ? "" : usd(v * 1e9)) })],
    }, [x, paid.map((nano) => nano / 1e9)], isEmpty);
  }

  let edges = [];  // of the latency chart's bars, in milliseconds; axis and legend read it after each update

  function drawLatency(latency) {
    const parts = [["50%", latency.p50_ms], ["90%", latency.p90_ms], ["99%", latency.p99_ms], ["longest", latency.max_ms]];
    fill("percentiles", latency.calls ? parts.flatMap(([name, ms], i) =>
      [`${i ? "  ·  " : ""}${name} `, make("b", seconds(ms))]) : []);
    edges = latency.bins.map(([edge]) => edge);
    draw("chart-latency", `How many calls were answered in which time. ${parts.map(([name, ms]) => `${name}: ${seconds(ms)}`).join(", ")}.`, {
      scales: { x: { time: false, distr: 1, range: (_, least, highest) => [least - 0.5, highest + 0.5] }, y: { range: (_, __, highest) => [0, highest * 1.08 || 1] } },
      axes: [
        axis({ values: (_, ticks) => ticks.map((t) => (edges[t] ? seconds(edges[t]) : "")), incrs: WHOLE, space: 64, size: 26, grid: { show: false } }),
        countAxis(),
      ],
      series: [
        { label: "up to", value: (_, v) => (v === null ? "" : seconds(edges[v] ?? 0)) },
        line("calls", "--blue", { paths: uPlot.paths.bars({ size: [0.86, 60] }), fill: () => colour("--blue"), width: 0, value: (_, v) => (v === null ? "" : count(v)) }),
      ],
    }, [edges.map((_, i) => i), latency.bins.map(([, calls]) => calls)], !edges.length);
  }

  const redraw = () => { for (const chart of drawn.values()) chart.redraw(); };

  return { drawLatency, drawSeries, redraw };
})();
