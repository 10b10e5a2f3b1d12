/* Draws a run from its progress as JSON, which is fetched every two seconds or embedded in the report.
   Every text goes through textContent, and no HTML is ever made of a string: texts may be foreign. */
"use strict";
(() => {
  const { $, ENDED, WORDS, count, duration, few, fill, make, moment, percent, put, row, showSegments, tokens, usd } = ui;
  const POLL_MS = 2000;
  const POLL_ENDED_MS = 10000;
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

  function showBar(run, isAtWork) {
    const segments = showSegments($("bar"), run, isAtWork ? run.in_flight : 0);
    const chip = (name, label, rows) => {
      const item = make("li");
      item.append(make("i", undefined, name), make("b", count(rows)), ` ${label}`);
      return item;
    };
    const chips = segments.map(([name, rows]) => chip(name, name === "flight" ? "in flight" : name, rows));
    if (run.rows_reused) chips.push(make("li", `${count(run.rows_reused)} decided before this attempt`));
    if (run.duplicates) chips.push(make("li", `${count(run.duplicates)} with the same request as another row`));
    if (run.reused_answers) chips.push(make("li", `${count(run.reused_answers)} reused from other runs`));
    if (run.saved_nano_usd) chips.push(make("li", `${usd(run.saved_nano_usd)} saved`));
    if (run.repaired) chips.push(make("li", `${count(run.repaired)} repaired`));
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

  const tokensTile = (run) => tile("Tokens in / out", `${tokens(run.prompt_tokens)} / ${tokens(run.completion_tokens)}`, run.rows_done ? `${count((run.prompt_tokens + run.completion_tokens) / run.rows_done)} per row` : "");

  /* How many of the answers that the run paid for read the prompt cache, and what that saved. */
  function cacheTiles(run) {
    if (!run.cached_tokens && !run.cache_write_tokens) return [];
    const answers = ["ok", "truncated", "refused", "invalid"].reduce((sum, status) => sum + (run.statuses[status] ?? 0), -run.reused_answers);
    const saved = run.cache_saved_nano_usd;
    const effect = saved === null ? "" : `${usd(Math.abs(saved))} ${saved < 0 ? "lost" : "saved"}`;
    return [tile("Prompt cache", answers > 0 ? percent(run.cache_reads / answers) : "–", `of answers read it${effect && `, ${effect}`}`)];
  }

  function showTiles(run, isAtWork) {
    const now = run.attempts[run.attempts.length - 1];
    const tookS = (run.updated_us - now.started_us) / 1e6;
    const isOver = !isAtWork;
    const meanRate = tookS > 0 ? now.rows / tookS : 0;
    const left = run.expected_left_s;
    const time = isOver
      ? tile("Took", duration(tookS), `${ENDED.includes(run.state) ? "ended" : "last report"} ${moment(run.updated_us / 1e3)}`)
      : tile("Time left", left === null ? "unknown" : duration(left), left === null ? "no row was decided recently" : `ends about ${moment(run.updated_us / 1e3 + left * 1e3)}`);
    if (isOver && !run.requests) {
      fill("tiles", [tile("Cost", usd(run.cost_nano_usd), costMore(run, isOver)), tokensTile(run), ...cacheTiles(run), time]);
      return;
    }
    fill("tiles", [
      tile("Rows per second", few(isOver ? meanRate : run.rows_per_s), isOver ? "on average" : `${few(meanRate)} on average`),
      time,
      tile(isOver ? "Cost" : "Cost so far", usd(run.cost_nano_usd), costMore(run, isOver)),
      tokensTile(run),
      ...cacheTiles(run),
      tile("Calls in flight", isOver ? "0" : `${count(run.in_flight)} of ${count(run.window)}`, isOver ? `the last window was ${count(run.window)}` : "that the window allows"),
      tile("Throttled", run.requests ? percent(run.throttled / run.requests) : "–", `${count(run.throttled)} of ${count(run.requests)} calls`),
    ]);
  }

  /* Each cell carries its column's name, which a narrow window shows beside it. */
  function fillTable(id, head, lines) {
    const names = [...head.children].map((cell) => cell.textContent);
    for (const line of lines) [...line.children].forEach((cell, i) => { cell.dataset.name = names[i]; });
    fill(id, [head, ...lines]);
  }

  function showErrors(errors) {
    if (!errors.length) { fill("errors", [row("td", [["No call has failed.", "faint"]])]); return; }
    const lines = errors.map((error) => [
      [[make("p", error.kind), make("p", MEANINGS[error.kind] ?? "", "why")], ""],
      [error.status === null ? "–" : String(error.status), ""],
      [count(error.count), "n"],
      [error.samples.map((sample) => make("p", sample)), "messages"],
    ]);
    const head = row("th", [["Kind", ""], ["HTTP", ""], ["Calls", "n"], ["Messages", ""]]);
    fillTable("errors", head, lines.map((cells) => row("td", cells)));
  }

  /* An attempt that never reported its end: an older one was killed. Of the newest one, the page knows
     what `standing` found. */
  function endOf(attempt, isLast, now) {
    if (ENDED.includes(attempt.state) || (isLast && now.isAtWork)) return [WORDS[attempt.state], attempt.state];
    if (isLast && !now.isKilled) return [now.word === "not reporting" ? now.word : "end not reported", "waiting"];
    return ["killed", "failed"];
  }

  /* What the attempts do not account for: shares, an estimate, or another task with the same run. */
  function othersRow(run, sum) {
    const rows = Math.max(0, run.rows_done - sum("rows")), nano = Math.max(0, run.cost_nano_usd - sum("cost_nano_usd"));
    if (!run.run_key || (!rows && !nano)) return [];
    const what = [make("p", "other tasks", "state"), make("p", "Shares, an estimate, or another task of the same run.", "why")];
    return [row("td", [["–", ""], ["", ""], ["", ""], [what, ""], [count(rows), "n"], ["", "n"], ["", "n"], [usd(nano), "n"]])];
  }

  function showAttempts(run, now) {
    const last = run.attempts.length - 1;
    const lines = run.attempts.map((attempt, i) => {
      const [word, tone] = endOf(attempt, i === last, now);
      const state = make("span", word, `state ${tone}`);
      const number = attempt.epoch === 0 ? "–" : attempt.first_epoch < attempt.epoch ? `${attempt.first_epoch}–${attempt.epoch}` : String(attempt.epoch);
      const parts = [make("p")];
      parts[0].append(state);
      if (attempt.error) parts.push(make("p", attempt.error, "why"));
      else if (attempt.epoch === 0 && attempt.state === "published") parts.push(make("p", "The run was already published. Nothing was paid.", "why"));
      return row("td", [
        [number, ""], [moment(attempt.started_us / 1e3), ""], [duration((attempt.updated_us - attempt.started_us) / 1e6), ""], [parts, ""],
        [count(attempt.rows), "n"], [count(attempt.requests), "n"], [count(attempt.throttled), "n"], [usd(attempt.cost_nano_usd), "n"],
      ]);
    });
    const head = row("th", [["#", ""], ["Start", ""], ["Duration", ""], ["State", ""], ["Rows", "n"], ["Calls", "n"], ["Throttled", "n"], ["Paid", "n"]]);
    const sum = (name) => run.attempts.reduce((total, attempt) => total + attempt[name], 0);
    const others = othersRow(run, sum);
    const all = [Math.max(run.rows_done, sum("rows")), sum("requests"), sum("throttled")];
    const paid = Math.max(run.cost_nano_usd, sum("cost_nano_usd"));
    const total = last || others.length ? [row("td", [["", ""], ["", ""], ["", ""], ["Total", "total"], ...all.map((n) => [count(n), "n total"]), [usd(paid), "n total"]])] : [];
    fillTable("attempts", head, [...others, ...lines, ...total]);
  }

  function showFacts(run) {
    const hasReport = run.attempts.some((attempt) => ENDED.includes(attempt.state)); // each writes it at its end
    const facts = [["Run key", run.run_key], ["Manifest", run.state === "published" ? run.manifest : "not published yet"], ["Report", hasReport ? run.report : "not written yet"], ["Times in", ui.zoneName()]];
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
    put("notice", text);
    $("notice").className = `notice ${className}`;
    $("notice").hidden = !text;
  }

  let shown = null;  // the last progress, and the task and whether it is live with it

  function show(run, task, isLive) {
    shown = { run, task, isLive };
    const now = standing.of(run, task, isLive);
    showTask(task);
    $("empty").hidden = true;
    $("state").hidden = false;
    put("state", now.word);
    $("state").className = `pill ${now.tone}`;
    put("model", run.model);
    put("input", run.input);
    put("output", run.output);
    showNotice(now.notice, now.noticeTone ?? now.tone);
    // A task that failed before its run had a key has an attempt, and no figures.
    for (const part of document.querySelectorAll("[data-figures]")) part.hidden = !run.run_key;
    $("whole").hidden = false;
    if (run.run_key) showFigures(run, now.isAtWork);
    $("attempts-card").hidden = !run.run_key && run.attempts.length < 2;  // its error is in the notice
    showAttempts(run, now);
    showFacts(run);
    showAge();
  }

  function showFigures(run, isAtWork) {
    put("rows-done", count(run.rows_done));
    put("rows-all", `of ${count(run.rows)} rows`);
    put("share", run.rows ? percent(run.rows_done / run.rows) : "100%");
    showBar(run, isAtWork);
    showTiles(run, isAtWork);
    // An attempt that only publishes what others have decided has no curves.
    const hasCalls = isAtWork || run.requests > 0;
    $("charts").hidden = $("errors-card").hidden = !hasCalls;
    if (!hasCalls) return;
    showBound(run.bound_s);
    charts.drawSeries(run.series);
    charts.drawLatency(run.latency);
    showErrors(run.errors);
  }

  function showAge() {
    if (!shown) return;
    const { run, task, isLive } = shown;
    const ageS = Math.max(0, Date.now() / 1e3 - run.updated_us / 1e6);
    const isAtWork = standing.of(run, task, isLive).isAtWork;
    put("updated", isAtWork ? `updated ${duration(ageS)} ago` : `as of ${moment(run.updated_us / 1e3, true)}`);
  }

  /* The names of the task, and the way back to it. */
  function showTask(task) {
    if (!task) return;
    const index = task.map_index >= 0 ? ` [${task.map_index}]` : "";
    const name = `${task.dag_id} › ${task.task_id}${index}`;
    put("title", name);
    document.title = `${name} – run`;
    const parts = [`DAG run ${task.run_id}`];
    if (task.logical_date_us !== null) parts.push(`logical date ${moment(task.logical_date_us / 1e3, true)}`);
    if (task.tries) parts.push(`try ${task.try_number} of ${Math.max(task.try_number, task.tries)}`);
    if (task.state) parts.push(`Airflow: ${standing.words(task.state)}`);
    put("task", parts.join("  ·  "));
    if (!ui.isInTab()) ui.linkToAirflow($("back"), task.address);
  }

  function showEmpty(task) {
    const [title, text] = standing.whyEmpty(task);
    showTask(task);
    showNotice("", "");
    $("state").hidden = true;
    $("whole").hidden = true;
    put("updated", "");
    put("empty-title", title);
    put("empty-text", text);
    $("empty").hidden = false;
  }

  function again() {
    charts.redraw();
    if (shown) show(shown.run, shown.task, shown.isLive);
  }

  // Where the data comes from.

  const query = new URLSearchParams(window.location.search);

  function showAnswer(status, data) {
    if (status === 200) show(data, data.task ?? null, true);
    else if (status === 404 && data.task) { shown = null; showEmpty(data.task); }
    else {
      put("state", status < 500 ? "no access" : "not readable");
      showNotice(typeof data.detail === "string" ? data.detail : "You may not see this page.", "waiting");
    }
    return status === 200 && ENDED.includes(data.state) && data.task?.state !== "running" ? POLL_ENDED_MS : POLL_MS;
  }

  async function poll() {
    let pauseMs = POLL_MS;
    if (!document.hidden) {
      try {
        const answer = await fetch(`progress${window.location.search}`, { credentials: "same-origin", headers: { Accept: "application/json" } });
        pauseMs = showAnswer(answer.status, await answer.json());
      } catch (error) {
        showNotice("Airflow does not answer. The page tries again.", "waiting");
      }
    }
    window.setTimeout(poll, pauseMs);
  }

  const embedded = (id) => ($(id) ? JSON.parse($(id).textContent) : null);

  function beginLive() {
    const index = Number(query.get("map_index"));
    put("title", `${query.get("dag_id")} › ${query.get("task_id")}${index >= 0 && query.get("map_index") ? ` [${index}]` : ""}`);
    document.title = `${$("title").textContent} – run`;
    $("download").href = `report${window.location.search}`;
    $("download").hidden = false;
    $("all").href = "runs";
    $("all").hidden = false;
    poll();
    window.setInterval(showAge, 1000);
  }

  function beginReport(run) {
    const name = run.run_key ? `Run ${run.run_key.slice(0, 12)}` : "Run";
    put("title", name);
    document.title = name;
    show(run, embedded("task-data"), false);
  }

  /* A page without a run: a sentence, or why the task has none. */
  function beginPlain({ title, text }) {
    showEmpty(embedded("task-data"));
    if (title) { put("empty-title", title); document.title = title; }
    if (title && !embedded("task-data")) put("title", "AI/ML API run");
    if (text) put("empty-text", text);
  }

  ui.theme(charts.redraw);
  ui.onZone(again);
  const run = embedded("progress"), plain = embedded("plain-data");
  if (run) beginReport(run);
  else if (plain) beginPlain(plain);
  else beginLive();
})();
