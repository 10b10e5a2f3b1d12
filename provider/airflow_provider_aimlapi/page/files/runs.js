/* Lists runs, and fetches them again: every three seconds while one of them works.
   The server filters, sorts, pages and sums. Every text goes through textContent, and no HTML is ever
   made of a string: texts may be foreign. */
"use strict";
(() => {
  const { $, WORDS, count, duration, fill, linkToAirflow, make, moment, percent, put, row, showSegments } = ui;
  const POLL_MS = 3000;
  const POLL_IDLE_MS = 15000;
  const TYPING_MS = 300;
  const HEAD = [["Task", "task", ""], ["State", "state", ""], ["Rows", "rows", "rows"], ["Rows per second", "rate", "n"], ["Cost", "cost", "n"], ["Start", "start", ""], ["End", "end", ""]];
  /* The first click on these columns sorts the least first. */
  const RISING_FIRST = ["task", "state"];
  const TONES = { killed: "failed", cleared: "stopped", "waits for its retry": "parked", success: "published", sampled: "published" };
  const query = { text: "", state: "", sort: "start", order: "falling", page: 1 };

  /* One format for each kind of number, so that a column can be compared line by line. */
  const money = new Intl.NumberFormat("en", { style: "currency", currency: "USD", minimumFractionDigits: 4, maximumFractionDigits: 4 });
  const usd = (nano) => (nano > 0 && nano < 50000 ? "<$0.0001" : money.format(nano / 1e9));
  const rates = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const rate = (n) => rates.format(n);

  const tone = (listed) => TONES[listed.state] ?? listed.state;
  const pageOf = (listed) => `page?${new URLSearchParams({ dag_id: listed.dag_id, run_id: listed.run_id, task_id: listed.task_id, map_index: listed.map_index })}`;

  /* Airflow's own page of the task, beside the mount of this one. Its first tab is the log. */
  function taskOf(listed) {
    const [dag, run, task] = [listed.dag_id, listed.run_id, listed.task_id].map(encodeURIComponent);
    return `../dags/${dag}/runs/${run}/tasks/${task}${listed.map_index >= 0 ? `/mapped/${listed.map_index}` : ""}`;
  }

  function outward(text, href, name) {
    const link = make("a", text);
    linkToAirflow(link, href);
    link.setAttribute("aria-label", `${text} of ${name}`);
    return link;
  }

  function nameCell(listed) {
    const name = `${listed.dag_id} › ${listed.task_id}${listed.map_index >= 0 ? ` [${listed.map_index}]` : ""}`;
    const link = make("a", name, "name");
    link.href = pageOf(listed);
    const more = [listed.run_id, ...(listed.standing ? [listed.standing.model] : []), ...(listed.share === null ? [] : [`share ${listed.share}`])];
    const ways = make("p", undefined, "ways");
    ways.append(outward("Task", `${taskOf(listed)}/details`, name), outward("Log", taskOf(listed), name));
    return [link, ...more.map((text) => make("p", text, "why")), ways];
  }

  function stateCell(listed) {
    const pill = make("span", WORDS[listed.state] ?? listed.state, `pill small ${tone(listed)}`);
    return listed.reason ? [pill, make("p", listed.reason, "reason")] : [pill];
  }

  function rowsCell(standing, state) {
    if (!standing.rows && state !== "published") return [make("p", "none read", "faint")];
    const bar = make("div", undefined, "bar thin");
    bar.setAttribute("role", "img");
    showSegments(bar, standing, 0);
    const line = make("p", undefined, "line");
    const done = make("span");
    done.append(make("b", count(standing.rows_done)), ` of ${count(standing.rows)}`);
    line.append(done, make("span", standing.rows ? percent(standing.rows_done / standing.rows) : "100%", "faint"));
    return [line, bar];
  }

  /* Lines that stay below each other, also where a cell is a row of a narrow window. */
  function stack(lines) {
    const block = make("div");
    block.append(...lines);
    return [block];
  }

  function costCell(listed) {
    const { standing, paid_nano_usd: paid } = listed;
    const own = paid - listed.replaced_nano_usd;
    const cost = [make("p", usd(paid))];
    if (listed.replaced_nano_usd) cost.push(make("p", `${usd(listed.replaced_nano_usd)} by a replaced run`, "why"));
    if (standing.cost_nano_usd > own) cost.push(make("p", `whole run ${usd(standing.cost_nano_usd)}`, "why"));
    const all = standing.expected_cost_nano_usd;
    if (listed.is_at_work && all !== null && standing.rows_done < standing.rows) cost.push(make("p", `≈ ${usd(all)} at the end`, "why"));
    return stack(cost);
  }

  function endCell(listed) {
    const { standing } = listed;
    const atMs = standing.updated_us / 1e3;
    if (!listed.is_at_work) return [make("p", atMs ? moment(atMs) : "–")];
    if (standing.expected_left_s === null) return [make("p", "unknown", "faint")];
    return stack([make("p", moment(atMs + standing.expected_left_s * 1e3)), make("p", `in ${duration(standing.expected_left_s)}`, "why")]);
  }

  function line(listed) {
    const { standing } = listed;
    const began = listed.began_us === null ? "–" : moment(listed.began_us / 1e3);
    const figures = standing
      ? [[rowsCell(standing, listed.state), "rows"], [listed.is_at_work ? rate(standing.rows_per_s) : "", "n"], [costCell(listed), "n"], [began, ""], [endCell(listed), ""]]
      : [["see its page", "rows faint"], ["", "n"], ["", "n"], [began, ""], ["", ""]];
    const cells = row("td", [[stateCell(listed), "state"], ...figures]);
    const head = make("th", undefined, "task");
    head.scope = "row";
    head.append(...nameCell(listed));
    cells.prepend(head);
    [...cells.children].forEach((cell, i) => { cell.dataset.name = HEAD[i][0]; });
    return cells;
  }

  function headCell([text, column, className]) {
    const cell = make("th", undefined, className);
    cell.scope = "col";
    const isSorted = query.sort === column;
    if (isSorted) cell.setAttribute("aria-sort", query.order === "rising" ? "ascending" : "descending");
    const button = make("button", text);
    button.type = "button";
    button.dataset.column = column;
    button.addEventListener("click", () => {
      const isRising = query.sort === column ? query.order === "falling" : RISING_FIRST.includes(column);
      change({ sort: column, order: isRising ? "rising" : "falling" });
    });
    cell.append(button);
    return cell;
  }

  function showSum(list) {
    const parts = [`${count(list.found)}${list.found === list.listed ? "" : ` of ${count(list.listed)}`} ${list.listed === 1 ? "run" : "runs"}`, `${list.at_work ? count(list.at_work) : "none"} running`];
    if (list.rows_per_s) parts.push(`${rate(list.rows_per_s)} rows per second in total`);
    if (list.has_costs) parts.push(`${usd(list.paid_nano_usd)} in total`);
    put("sum", list.listed ? parts.join("  ·  ") : "");
  }

  function showStates(states) {
    const names = [...new Set([...Object.keys(states), ...(query.state ? [query.state] : [])])];
    const options = [["", "all"], ...names.map((name) => [name, `${WORDS[name] ?? name} (${count(states[name] ?? 0)})`])];
    fill("state", options.map(([value, text]) => {
      const option = make("option", text);
      option.value = value;
      option.selected = value === query.state;
      return option;
    }));
  }

  function showPages(list) {
    $("pages").hidden = list.pages < 2;
    $("previous").disabled = list.page <= 1;
    $("next").disabled = list.page >= list.pages;
    put("range", `Page ${count(list.page)} of ${count(list.pages)}`);
    const notes = [];
    if (list.listed >= list.runs_max) notes.push(`These are the newest ${count(list.runs_max)} runs, all pages together. An older run is in the tab of its task instance.`);
    if (!list.has_costs) notes.push("Numbers and costs are listed if Airflow keeps the progress in its task state store, from 3.3 on.");
    put("more", notes.join(" "));
  }

  function showCosts(list) {
    $("costs").hidden = !list.has_costs || !list.found;
    for (const [by, title] of [["dag", "DAG"], ["task", "Task"], ["model", "Model"], ["day", "Day (UTC)"]]) {
      const lines = list.costs[by].map((sum) => {
        const cells = row("td", [[count(sum.tasks), "n"], [usd(sum.paid_nano_usd), "n"]]);
        const head = make("th", sum.name || "all others");
        head.scope = "row";
        cells.prepend(head);
        return cells;
      });
      const head = make("thead");
      const names = row("th", [[title, ""], ["Tasks", "n"], ["Cost", "n"]]);
      for (const cell of names.children) cell.scope = "col";
      head.append(names);
      const body = make("tbody");
      body.append(...lines);
      fill(`by-${by}`, [make("caption", `Cost by ${by === "dag" ? "DAG" : by}`), head, body]);
    }
    const since = list.oldest_us === null ? "" : ` Start of the oldest: ${moment(list.oldest_us / 1e3)}.`;
    const kept = list.kept_days === null ? "as long as it keeps their DAG runs" : `for ${count(list.kept_days)} days after their last change`;
    put("kept", `Each row is counted once. The sums go back as far as Airflow keeps its data: it keeps these runs ${kept}, and the list has the newest ${count(list.runs_max)}.${since}`);
  }

  /* Fill the table again. A link or a button that has the focus keeps it. */
  function fillKeepingFocus(runs) {
    const focused = document.activeElement;
    const key = (element) => element?.dataset?.column ?? element?.getAttribute?.("href") ?? null;
    const kept = focused?.matches?.("#runs a, #runs button") ? key(focused) : null;
    fill("head", HEAD.map(headCell));
    fill("lines", runs.map(line));
    if (kept) [...document.querySelectorAll("#runs a, #runs button")].find((one) => key(one) === kept)?.focus();
  }

  let before = "";
  function show(text) {
    const list = JSON.parse(text);
    $("none").hidden = list.listed > 0;
    $("some").hidden = !list.listed;
    $("filters").hidden = !list.listed;
    $("nothing").hidden = list.found > 0;
    query.page = list.page;
    const shown = `${text}${JSON.stringify(query)}`;
    if (shown !== before) {
      showSum(list);
      showPages(list);
      showCosts(list);
      if (document.activeElement !== $("state")) showStates(list.states);
      fillKeepingFocus(list.runs);
    }
    before = shown;
    put("updated", `as of ${moment(Date.now(), true)} ${ui.zoneName()}`);
    return list.at_work > 0;
  }

  function notice(text) {
    put("notice", text);
    $("notice").hidden = !text;
  }

  let timer = 0, latest = 0;
  async function poll() {
    window.clearTimeout(timer);
    const mine = ++latest; // an answer to an older question is not shown over a newer one
    let pauseMs = document.hidden ? POLL_MS : POLL_IDLE_MS;
    if (!document.hidden) {
      try {
        const answer = await fetch(`list?${new URLSearchParams(query)}`, { credentials: "same-origin", headers: { Accept: "application/json" } });
        const text = await answer.text();
        if (mine !== latest) return;
        if (answer.ok) {
          if (show(text)) pauseMs = POLL_MS;
          notice("");
        } else notice(answer.status === 401 ? "You are no longer logged in. Log in to Airflow again." : "You may not see the runs.");
      } catch (error) {
        if (mine !== latest) return;
        notice("Airflow does not answer. The page tries again.");
        pauseMs = POLL_MS;
      }
    }
    timer = window.setTimeout(poll, pauseMs);
  }

  function change(parts) {
    Object.assign(query, { page: 1 }, parts);
    const sorted = `${query.sort} ${query.order}`;
    if ([...$("sort").options].some((option) => option.value === sorted)) $("sort").value = sorted;
    poll();
  }

  let typing = 0;
  $("text").addEventListener("input", () => {
    window.clearTimeout(typing);
    typing = window.setTimeout(() => change({ text: $("text").value }), TYPING_MS);
  });
  $("state").addEventListener("change", () => change({ state: $("state").value }));
  $("sort").addEventListener("change", () => {
    const [sort, order] = $("sort").value.split(" ");
    change({ sort, order });
  });
  $("clear").addEventListener("click", () => {
    $("text").value = "";
    change({ text: "", state: "" });
  });
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("previous").addEventListener("click", () => change({ page: query.page - 1 }));
  $("next").addEventListener("click", () => change({ page: query.page + 1 }));

  ui.theme(() => {});
  ui.onZone(() => { before = ""; poll(); });
  poll();
})();
