/* Draws a run from its progress as JSON, which is fetched every two seconds or embedded in the report.
   Every text goes through textContent, and no HTML is ever made of a string: texts may be foreign. */
"use strict";
(() => {
  const { $, ENDED, WORDS, count, duration, few, fill, make, moment, percent, put, root, row, seconds, showSegments, tokens, usd, usdShort } = ui;
  const POLL_MS = 2000;
  const POLL_ENDED_MS = 10000;
  /* A worker reports every two to five seconds, so a minute without a report is no delay. */
  const SILENT_S = 60;
  const MEANINGS = {
    Throttled: "Too many calls. The window shrinks, and the row waits. This uses up no attempt.",
    ApiUnavailable: "A server error, a time-out or a broken connection. The row is sent again.",
    RequestRejected: "The API does not accept this row.",
    AccessRefused: "The API refuses the key, the account, the model or the row.",
    WireViolation: "The answer could not be parsed. It may have been billed.",
    other: "Other kinds, with fewer calls.",
  };
  const BOUNDS = {
    "api:in-flight": "the API's limit on calls in flight", "api:rate": "the API's limit on calls per second",
    "api:closed": "the API, which answered no call", "api:refusals": "the API, which refuses some calls at any rate", max_concurrency: "max_concurrency", "given-rate": "your limit of requests or tokens", source: "the input, which had too few rows ready",
    store: "the output's store", lease: "the lease", budget: "the budget",
  };
  // Charts.

  const charts = new Map();
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const axis = (more) => ({
    stroke: () => colour("--faint"), font: "11px system-ui, sans-serif",
    grid: { stroke: () => colour("--line"), width: 1 }, ticks: { show: false }, ...more,
  });
  const span = (s) => (s < 60 ? `${Math.round(s)} s` : s < 7200 ? `${Math.round(s / 6) / 10} min` : `${Math.round(s / 360) / 10} h`);
  const timeAxis = () => axis({ values: (_, ticks) => ticks.map(span), space: 70, size: 26, grid: { show: false } });
  const line = (label, name, more) => ({
    label, stroke: () => colour(name), width: 1.75, points: { show: false }, ...more,
  });

  function draw(id, options, data, isEmpty) {
    const box = $(id);
    if (isEmpty) {
      charts.get(id)?.destroy();
      charts.delete(id);
      box.replaceChildren(make("div", "No data yet", "empty"));
      return;
    }
    const known = charts.get(id);
    if (known) { known.setData(data); return; }
    box.replaceChildren();
    const height = 176;
    const chart = new uPlot({ width: box.clientWidth || 400, height, cursor: { y: false }, ...options }, data, box);
    charts.set(id, chart);
    new ResizeObserver(() => {
      const width = box.clientWidth;
      if (charts.get(id) === chart && width && width !== chart.width) chart.setSize({ width, height });
    }).observe(box);
  }

  function drawSeries(series) {
    const x = series.at_s, isEmpty = x.length < 2;
    const slope = (values) => values.map((v, i) => {
      const before = Math.max(0, i - 2);
      return i ? Math.max(0, v - values[before]) / Math.max(1e-3, x[i] - x[before]) : 0;
    });
    const upwards = { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] };
    const scales = { x: { time: false }, y: upwards };
    const whole = (_, v) => (v === null ? "" : count(v));
    const fromTo = { label: "at", value: (_, v) => (v === null ? "" : span(v)) };
    draw("chart-rate", {
      scales, legend: { show: true },
      axes: [timeAxis(), axis({ size: 48, values: (_, v) => v.map(few) })],
      series: [fromTo, line("rows/s", "--blue", { fill: () => colour("--blue-soft"), value: (_, v) => (v === null ? "" : few(v)) })],
    }, [x, slope(series.rows)], isEmpty);
    draw("chart-window", {
      scales: { ...scales, throttled: { range: (_, __, most) => [0, most > 0 ? most * 3 : 1] } }, legend: { show: true },
      axes: [timeAxis(), axis({ size: 48, values: (_, v) => v.map(few) })],
      series: [
        fromTo,
        line("in flight", "--blue", { fill: () => colour("--blue-soft"), value: whole }),
        line("window", "--window", { dash: [5, 4], value: whole }),
        line("429s per second", "--rejected", { scale: "throttled", width: 0, paths: uPlot.paths.bars({ size: [0.5, 6, 2] }), fill: () => colour("--rejected"), value: (_, v) => (v === null ? "" : v.toFixed(1)) }),
      ],
    }, [x, series.in_flight, series.window, slope(series.throttled)], isEmpty);
    draw("chart-cost", {
      scales, legend: { show: true },
      axes: [timeAxis(), axis({ size: 64, values: (_, v) => v.map((d) => usdShort(d * 1e9)) })],
      series: [fromTo, line("paid", "--ok", { value: (_, v) => (v === null ? "" : usd(v * 1e9)) })],
    }, [x, series.cost_nano_usd.map((nano) => nano / 1e9)], isEmpty);
  }

  let edges = [];  // of the latency chart's bars, in milliseconds; axis and legend read it after each update

  function drawLatency(latency) {
    const parts = [["50%", latency.p50_ms], ["90%", latency.p90_ms], ["99%", latency.p99_ms], ["longest", latency.max_ms]];
    fill("percentiles", latency.calls ? parts.flatMap(([name, ms], i) =>
      [`${i ? "  ·  " : ""}${name} `, make("b", seconds(ms))]) : []);
    edges = latency.bins.map(([edge]) => edge);
    draw("chart-latency", {
      scales: { x: { time: false, distr: 1, range: (_, least, most) => [least - 0.5, most + 0.5] }, y: { range: (_, __, most) => [0, most * 1.08 || 1] } },
      legend: { show: true },
      axes: [
        axis({ values: (_, ticks) => ticks.map((t) => (edges[t] ? seconds(edges[t]) : "")), space: 64, size: 26, grid: { show: false } }),
        axis({ size: 48, values: (_, v) => v.map(few) }),
      ],
      series: [
        { label: "up to", value: (_, v) => (v === null ? "" : seconds(edges[v] ?? 0)) },
        line("calls", "--blue", { paths: uPlot.paths.bars({ size: [0.86, 60] }), fill: () => colour("--blue"), width: 0, value: (_, v) => (v === null ? "" : count(v)) }),
      ],
    }, [edges.map((_, i) => i), latency.bins.map(([, calls]) => calls)], !edges.length);
  }

  // The rest of the page.

  function showBar(run) {
    const segments = showSegments($("bar"), run, run.in_flight);
    const chip = (name, label, rows) => {
      const item = make("li");
      item.append(make("i", undefined, name), make("b", count(rows)), ` ${label}`);
      return item;
    };
    const chips = segments.map(([name, rows]) => chip(name, name === "flight" ? "in flight" : name, rows));
    if (run.rows_reused) chips.push(make("li", `${count(run.rows_reused)} answered by earlier attempts`));
    fill("statuses", chips);
  }

  const tile = (name, value, more) => {
    const card = make("div", undefined, "tile");
    card.append(make("span", name), make("b", value), make("span", more || " "));
    return card;
  };

  function costMore(run, isOver) {
    const budget = run.budget_nano_usd ? `of a budget of ${usd(run.budget_nano_usd)}` : "";
    if (isOver || run.expected_cost_nano_usd === null || run.rows_done >= run.rows) return budget || "as the API charged";
    return `≈ ${usd(run.expected_cost_nano_usd)} at the end${budget ? `, ${budget}` : ""}`;
  }

  function showTiles(run) {
    const now = run.attempts[run.attempts.length - 1];
    const tookS = (run.updated_us - now.started_us) / 1e6;
    const isOver = ENDED.includes(run.state);
    const meanRate = tookS > 0 ? now.rows / tookS : 0;
    const left = run.expected_left_s;
    const time = isOver
      ? tile("Took", duration(tookS), `ended ${moment(run.updated_us / 1e3)}`)
      : tile("Time left", left === null ? "unknown" : duration(left), left === null ? "no row was decided recently" : `ends about ${moment(run.updated_us / 1e3 + left * 1e3)}`);
    fill("tiles", [
      tile("Rows per second", few(isOver ? meanRate : run.rows_per_s), isOver ? "on average" : `${few(meanRate)} on average`),
      time,
      tile(isOver ? "Cost" : "Cost so far", usd(run.cost_nano_usd), costMore(run, isOver)),
      tile("Tokens in / out", `${tokens(run.prompt_tokens)} / ${tokens(run.completion_tokens)}`, run.rows_done ? `${count((run.prompt_tokens + run.completion_tokens) / run.rows_done)} per row` : ""),
      tile("Calls in flight", isOver ? "0" : `${count(run.in_flight)} of ${count(run.window)}`, isOver ? `the last window was ${count(run.window)}` : "that the window allows"),
      tile("Throttled", run.requests ? percent(run.throttled / run.requests) : "–", `${count(run.throttled)} of ${count(run.requests)} calls`),
    ]);
  }

  function showErrors(errors) {
    if (!errors.length) { fill("errors", [row("td", [["No call has failed.", "faint"]])]); return; }
    const lines = errors.map((error) => [
      [[make("p", error.kind), make("p", MEANINGS[error.kind] ?? "", "why")], ""],
      [error.status === null ? "–" : String(error.status), ""],
      [count(error.count), "n"],
      [error.samples.map((sample) => make("p", sample)), "messages"],
    ]);
    fill("errors", [row("th", [["Kind", ""], ["HTTP", ""], ["Calls", "n"], ["Messages", ""]]), ...lines.map((cells) => row("td", cells))]);
  }

  function showAttempts(run) {
    const last = run.attempts.length - 1;
    const lines = run.attempts.map((attempt, i) => {
      const isLost = i < last && !ENDED.includes(attempt.state);
      const state = make("span", isLost ? "killed" : WORDS[attempt.state], `state ${isLost ? "failed" : attempt.state}`);
      const number = attempt.epoch === 0 ? "–" : attempt.first_epoch < attempt.epoch ? `${attempt.first_epoch}–${attempt.epoch}` : String(attempt.epoch);
      const parts = [make("p")];
      parts[0].append(state);
      if (attempt.error) parts.push(make("p", attempt.error, "why"));
      else if (attempt.epoch === 0) parts.push(make("p", "The run was already published. Nothing was paid.", "why"));
      return row("td", [
        [number, ""], [moment(attempt.started_us / 1e3), ""], [duration((attempt.updated_us - attempt.started_us) / 1e6), ""], [parts, ""],
        [count(attempt.rows), "n"], [count(attempt.requests), "n"], [count(attempt.throttled), "n"], [usd(attempt.cost_nano_usd), "n"],
      ]);
    });
    const head = row("th", [["#", ""], ["Start", ""], ["Duration", ""], ["State", ""], ["Rows", "n"], ["Calls", "n"], ["Throttled", "n"], ["Paid", "n"]]);
    const sum = (name) => run.attempts.reduce((total, attempt) => total + attempt[name], 0);
    const total = last ? [row("td", [["", ""], ["", ""], ["", ""], ["Total", ""], ...["rows", "requests", "throttled"].map((name) => [count(sum(name)), "n total"]), [usd(sum("cost_nano_usd")), "n total"]])] : [];
    fill("attempts", [head, ...lines, ...total]);
  }

  function showFacts(run) {
    const facts = [["Run key", run.run_key], ["Manifest", run.state === "published" ? run.manifest : "not published yet"], ["Report", run.report]];
    fill("facts", facts.flatMap(([name, value]) => {
      const shown = make("dd");
      shown.append(make("code", value));
      return [make("dt", name), shown];
    }));
  }

  function showBound(times) {
    const all = Object.values(times).reduce((sum, s) => sum + s, 0);
    const ranked = Object.entries(times).filter(([, s]) => s / all >= 0.05).sort((a, b) => b[1] - a[1]);
    const parts = ranked.slice(0, 2).flatMap(([name, s], i) => [i ? ", " : "limited by ", BOUNDS[name] ?? name, " ", make("b", `${Math.round((100 * s) / all)}%`)]);
    fill("bound", parts);
  }

  function showNotice(text, className) {
    $("notice").textContent = text;
    $("notice").className = `notice ${className}`;
    $("notice").hidden = !text;
  }

  function latest(run) {
    return run.waits_until_us ? ` It continues at ${moment(run.waits_until_us / 1e3)} at the latest, if the output's store answers.` : "";
  }

  /* 1. An error, which also ends a run. 2. A wait for another attempt. 3. A publication, which reports
     nothing while it copies. 4. A run that should report and does not. 5. Nothing to notice. */
  function noticeOf(run, isLive) {
    const error = run.attempts[run.attempts.length - 1].error;
    if (error) return [error, run.state];
    if (run.state === "waiting") return ["This attempt waits until an earlier one has released the run or lost its right to pay, because only one may pay." + latest(run), "waiting"];
    const silentS = Date.now() / 1e3 - run.updated_us / 1e6;
    if (run.state === "publishing" && silentS > SILENT_S) return [`All rows are decided. Copying the parts to the output has taken ${duration(silentS)} so far. A large result takes minutes.${latest(run)}`, "running"];
    if (isLive && !ENDED.includes(run.state) && silentS > SILENT_S) return [`The run has reported nothing for ${duration(silentS)}. Its worker may have stopped, or cannot reach Airflow.`, "waiting"];
    return ["", ""];
  }

  let shown = null;
  function show(run, isLive) {
    shown = run;
    $("whole").hidden = false;
    put("state", WORDS[run.state]);
    $("state").className = `pill ${run.state}`;
    put("model", run.model);
    put("input", run.input);
    put("output", run.output);
    put("rows-done", count(run.rows_done));
    put("rows-all", `of ${count(run.rows)} rows`);
    put("share", run.rows ? percent(run.rows_done / run.rows) : "100%");
    showNotice(...noticeOf(run, isLive));
    showBar(run);
    showTiles(run);
    showBound(run.bound_s);
    drawSeries(run.series);
    drawLatency(run.latency);
    showErrors(run.errors);
    showAttempts(run);
    showFacts(run);
    showAge(isLive);
  }

  function showAge(isLive) {
    if (!shown) return;
    const ageS = Math.max(0, Date.now() / 1e3 - shown.updated_us / 1e6);
    const isRunning = isLive && !ENDED.includes(shown.state);
    put("updated", isRunning ? `updated ${duration(ageS)} ago` : `as of ${moment(shown.updated_us / 1e3)}`);
  }

  ui.theme(() => { for (const chart of charts.values()) if (chart.redraw) chart.redraw(); });

  // Where the data comes from.

  const query = new URLSearchParams(window.location.search);
  async function poll() {
    let pauseMs = POLL_MS;
    if (!document.hidden) {
      try {
        const answer = await fetch(`progress${window.location.search}`, { credentials: "same-origin", headers: { Accept: "application/json" } });
        const data = await answer.json();
        if (answer.ok) {
          show(data, true);
          if (ENDED.includes(data.state)) pauseMs = POLL_ENDED_MS;
        } else {
          put("state", answer.status === 404 ? "no page yet" : answer.status < 500 ? "no access" : "not readable");
          showNotice(typeof data.detail === "string" ? data.detail : "You may not see this page.", "waiting");
        }
      } catch (error) {
        showNotice("Airflow does not answer. The page tries again.", "waiting");
      }
    }
    window.setTimeout(poll, pauseMs);
  }

  const embedded = $("progress");
  if (embedded) {
    const run = JSON.parse(embedded.textContent);
    put("title", `Run ${run.run_key.slice(0, 12)}`);
    document.title = `Run ${run.run_key.slice(0, 12)}`;
    show(run, false);
  } else {
    const index = Number(query.get("map_index"));
    const name = `${query.get("dag_id")} › ${query.get("task_id")}${index >= 0 && query.get("map_index") ? ` [${index}]` : ""}`;
    put("title", name);
    document.title = `${name} – run`;
    $("download").href = `report${window.location.search}`;
    $("download").hidden = false;
    $("all").href = "runs";
    $("all").hidden = false;
    poll();
    window.setInterval(() => showAge(true), 1000);
  }
})();
