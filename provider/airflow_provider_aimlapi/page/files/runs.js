/* Lists runs, newest first, and fetches them again: every three seconds while one of them works.
   Every text goes through textContent, and no HTML is ever made of a string: texts may be foreign. */
"use strict";
(() => {
  const { $, ENDED, WORDS, count, duration, few, fill, make, moment, percent, put, row, showSegments, usd } = ui;
  const POLL_MS = 3000;
  const POLL_IDLE_MS = 15000;
  /* Airflow's states of a task that works, or will soon. */
  const ALIVE = ["running", "queued", "scheduled", "restarting"];
  const HEAD = [["Task", ""], ["State", ""], ["Rows", "rows"], ["Rows per second", "n"], ["Cost", "n"], ["Start", ""], ["End", ""]];

  const isAtWork = (listed) => {
    if (!ALIVE.includes(listed.task_state)) return false;
    return !listed.standing || !ENDED.includes(listed.standing.state) || listed.task_state !== "running";
  };

  /* 1. Without progress, Airflow's state. 2. A run that reports work while Airflow has ended its task was
     killed. 3. A failed run whose task will retry waits. 4. Otherwise the run's own state. */
  function stateOf(listed) {
    const reported = listed.standing?.state;
    if (!reported) return [listed.task_state ? listed.task_state.replaceAll("_", " ") : "none", listed.task_state === "running" ? "running" : "stopped"];
    if (!ENDED.includes(reported) && !ALIVE.includes(listed.task_state)) return ["killed", "failed"];
    if (reported === "failed" && listed.task_state === "up_for_retry") return ["waits for its retry", "parked"];
    return [WORDS[reported] ?? reported, reported];
  }

  const address = (listed) => `page?${new URLSearchParams({ dag_id: listed.dag_id, run_id: listed.run_id, task_id: listed.task_id, map_index: listed.map_index })}`;

  function nameCell(listed) {
    const link = make("a", `${listed.dag_id} › ${listed.task_id}${listed.map_index >= 0 ? ` [${listed.map_index}]` : ""}`, "name");
    link.href = address(listed);
    const more = [listed.run_id, ...(listed.standing ? [listed.standing.model] : [])];
    return [link, ...more.map((text) => make("p", text, "why"))];
  }

  function rowsCell(standing) {
    const bar = make("div", undefined, "bar thin");
    bar.setAttribute("role", "img");
    showSegments(bar, standing, 0);
    const line = make("p", undefined, "line");
    const done = make("span");
    done.append(make("b", count(standing.rows_done)), ` of ${count(standing.rows)}`);
    line.append(done, make("span", standing.rows ? percent(standing.rows_done / standing.rows) : "100%", "faint"));
    return [line, bar];
  }

  function costCell(standing, atWork) {
    const cost = [make("p", usd(standing.cost_nano_usd))];
    const all = standing.expected_cost_nano_usd;
    if (atWork && all !== null && standing.rows_done < standing.rows) cost.push(make("p", `≈ ${usd(all)} at the end`, "why"));
    return cost;
  }

  function endCell(standing, atWork) {
    const atMs = standing.updated_us / 1e3;
    if (!atWork) return [make("p", moment(atMs))];
    if (standing.expected_left_s === null) return [make("p", "unknown", "faint")];
    return [make("p", moment(atMs + standing.expected_left_s * 1e3)), make("p", `in ${duration(standing.expected_left_s)}`, "why")];
  }

  function line(listed) {
    const [words, tone] = stateOf(listed);
    const pill = make("span", words, `pill small ${tone}`);
    const { standing } = listed;
    const atWork = isAtWork(listed);
    const began = listed.began_us === null ? "–" : moment(listed.began_us / 1e3);
    const figures = standing
      ? [[rowsCell(standing), "rows"], [atWork ? few(standing.rows_per_s) : "", "n"], [costCell(standing, atWork), "n"], [began, ""], [endCell(standing, atWork), ""]]
      : [["see its page", "rows faint"], ["", "n"], ["", "n"], [began, ""], ["", ""]];
    const cells = row("td", [[nameCell(listed), "task"], [[pill], ""], ...figures]);
    [...cells.children].forEach((cell, i) => { cell.dataset.name = HEAD[i][0]; });
    return cells;
  }

  function showSum(runs) {
    const atWork = runs.filter(isAtWork);
    const rate = atWork.reduce((sum, listed) => sum + (listed.standing?.rows_per_s ?? 0), 0);
    const cost = runs.reduce((sum, listed) => sum + (listed.standing?.cost_nano_usd ?? 0), 0);
    const parts = [`${count(runs.length)} ${runs.length === 1 ? "run" : "runs"}`, `${atWork.length ? count(atWork.length) : "none"} running`];
    if (rate) parts.push(`${few(rate)} rows per second in total`);
    parts.push(`${usd(cost)} in total`);
    put("sum", runs.length ? parts.join("  ·  ") : "");
    return atWork.length > 0;
  }

  /* Fill the table again. A link that has the focus keeps it. */
  function fillKeepingFocus(runs) {
    const focused = document.activeElement?.matches?.("#runs a") ? document.activeElement.getAttribute("href") : null;
    fill("runs", [row("th", HEAD), ...runs.map(line)]);
    if (focused) [...document.querySelectorAll("#runs a")].find((link) => link.getAttribute("href") === focused)?.focus();
  }

  let before = "";
  function show(text) {
    const list = JSON.parse(text);
    $("none").hidden = list.runs.length > 0;
    $("some").hidden = !list.runs.length;
    const isBusy = showSum(list.runs);
    if (text !== before) fillKeepingFocus(list.runs);
    before = text;
    put("more", list.runs.length >= list.runs_max ? `These are the newest ${count(list.runs_max)} runs. An older run is in the tab of its task instance.` : "");
    put("updated", `as of ${moment(Date.now())}`);
    return isBusy;
  }

  function notice(text) {
    put("notice", text);
    $("notice").hidden = !text;
  }

  async function poll() {
    let pauseMs = document.hidden ? POLL_MS : POLL_IDLE_MS;
    if (!document.hidden) {
      try {
        const answer = await fetch("list", { credentials: "same-origin", headers: { Accept: "application/json" } });
        if (answer.ok) {
          if (show(await answer.text())) pauseMs = POLL_MS;
          notice("");
        } else notice(answer.status === 401 ? "You are no longer logged in. Log in to Airflow again." : "You may not see the runs.");
      } catch (error) {
        notice("Airflow does not answer. The page tries again.");
        pauseMs = POLL_MS;
      }
    }
    window.setTimeout(poll, pauseMs);
  }

  ui.theme(() => {});
  poll();
})();
