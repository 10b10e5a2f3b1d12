/* Shared by both pages: the format of numbers and texts, elements, light and dark.
   Every text goes through textContent, and no HTML is ever made of a string: texts may be foreign. */
"use strict";
const ui = (() => {
  const STATUSES = ["ok", "truncated", "refused", "invalid", "rejected", "skipped"];
  const ENDED = ["published", "complete", "failed", "stopped", "superseded", "parked", "sampled"];
  const WORDS = {
    waiting: "waiting", running: "running", publishing: "publishing", published: "published",
    complete: "complete", failed: "failed", stopped: "stopped", superseded: "superseded", parked: "parked", sampled: "sampled",
  };

  const $ = (id) => document.getElementById(id);
  const root = document.documentElement;

  // Text and numbers.

  const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
  const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
  const count = (n) => whole.format(n);
  const few = (n) => (n > 0 && n < 10 && !Number.isInteger(n) ? n.toFixed(1) : n < 10000 ? count(n) : short.format(n));
  const tokens = (n) => (n < 10000 ? count(n) : short.format(n));
  const percent = (share) => {
    const parts = share * 100;
    if (parts > 0 && parts < 0.1) return "<0.1%";
    return `${(parts < 99.95 ? Math.min(parts, 99.9) : parts).toFixed(1)}%`;
  };
  const usd = (nano) => {
    const dollars = nano / 1e9;
    if (dollars === 0) return "$0";
    if (dollars >= 1000) return `$${count(dollars)}`;
    return `$${dollars.toFixed(dollars >= 1 ? 2 : dollars >= 0.01 ? 4 : 6)}`;
  };
  const usdShort = (nano) => usd(nano).replace(/(\.\d\d\d*?)0+$/, "$1");
  const seconds = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10000 ? 1 : 0)} s`);
  const duration = (s) => {
    const all = Math.round(s), h = Math.floor(all / 3600), m = Math.floor(all / 60) % 60;
    if (h >= 48) return `${Math.round(h / 24)} days`;
    if (h) return `${h} h ${m} min`;
    return m ? `${m} min ${all % 60} s` : `${all} s`;
  };

  // Moments, in the time zone that the reader chose in Airflow, or else in the browser's.

  const stored = (name) => {
    try { return window.localStorage.getItem(name); } catch { return null; /* a report has no storage */ }
  };
  const own = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  let zone = own, day = null, clock = null;
  function chooseZone() {
    const chosen = (stored("timezone") ?? "").replaceAll('"', "") || own;  // Airflow stores it as JSON
    const format = (locale, parts) => new Intl.DateTimeFormat(locale, { timeZone: zone, ...parts });
    const choose = (name) => {
      zone = name;
      day = format("en-CA", { year: "numeric", month: "2-digit", day: "2-digit" });
      clock = format("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
    };
    try { choose(chosen); } catch { choose(own); /* a text that names no time zone */ }
  }
  chooseZone();
  const zoneName = () => zone;
  const moment = (ms, withDay = false) => {
    const at = new Date(ms);
    if (!withDay && day.format(at) === day.format(new Date())) return clock.format(at);
    return `${day.format(at)} ${clock.format(at)}`;
  };
  /* Call a function after the reader has chosen another time zone in Airflow. */
  function onZone(changed) {
    window.addEventListener("storage", () => {
      const before = zone;
      chooseZone();
      if (zone !== before) changed();
    });
  }

  // Elements.

  const make = (tag, text, className) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (className) element.className = className;
    return element;
  };
  /* A text that stays is not set again, because a screen reader would read it again. */
  const put = (id, text) => { if ($(id).textContent !== text) $(id).textContent = text; };
  const fill = (id, children) => $(id).replaceChildren(...children);
  /* The roles stay those of a table where a narrow window shows its cells below each other. */
  const row = (tag, cells) => {
    const line = make("tr");
    line.setAttribute("role", "row");
    for (const [content, className] of cells) {
      const cell = make(tag, typeof content === "string" ? content : undefined, className);
      cell.setAttribute("role", tag === "th" ? "columnheader" : "cell");
      if (typeof content !== "string") cell.append(...[content].flat());
      line.append(cell);
    }
    return line;
  };

  /* Fill a bar with a run's rows by status and with those in flight. Return the parts of the bar. */
  function showSegments(bar, run, inFlight) {
    const all = Math.max(1, run.rows);
    const segments = STATUSES.filter((status) => run.statuses[status]).map((status) => [status, run.statuses[status]]);
    if (inFlight && !ENDED.includes(run.state)) segments.push(["flight", inFlight]);
    bar.replaceChildren(...segments.map(([name, rows]) => {
      const part = make("i", undefined, name);
      part.style.width = `${(100 * rows) / all}%`;
      return part;
    }));
    const valueText = [`${count(run.rows_done)} of ${count(run.rows)} rows`, ...segments.map(([name, rows]) => `${count(rows)} ${name === "flight" ? "in flight" : name}`)].join(", ");
    const attributes = { role: "progressbar", "aria-label": "Rows decided", "aria-valuemin": 0, "aria-valuemax": run.rows, "aria-valuenow": run.rows_done, "aria-valuetext": valueText };
    for (const [name, value] of Object.entries(attributes)) bar.setAttribute(name, value);
    return segments;
  }

  /* Let a link lead to one of Airflow's own pages, and hide it without an address that may be one.
     Airflow shows our pages in a frame whose links may not change the window around it, so a link of
     that window does. A click that opens another tab works as it is. */
  function linkToAirflow(link, address) {
    const isRelative = address.startsWith("../dags/") && window.location.protocol.startsWith("http");
    link.hidden = !isRelative && !/^https?:\/\//.test(address);
    if (link.hidden) return;
    link.href = address;
    link.target = "_top";
    if (window.parent === window) return;
    link.onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      const outer = window.parent.document.createElement("a");
      outer.href = link.href;
      window.parent.document.body.append(outer);
      outer.click();
      outer.remove();
    };
  }

  /* Whether the page is in the tab of a task: the task and its log are beside it already. */
  function isInTab() {
    try { return window.parent.location.pathname.includes("/tasks/"); } catch { return true; /* a foreign page is around it */ }
  }

  /* Choose light or dark as Airflow's own pages do, or else as the reader's system does. Paper is light. */
  function theme(changed) {
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    const paper = window.matchMedia("print");
    let isPrinted = false;  // between the events, before the media query matches
    const choose = () => {
      const chosen = stored("theme");
      const isDark = /dark|light/.test(chosen ?? "") ? chosen.includes("dark") : dark.matches;
      const name = isDark && !paper.matches && !isPrinted ? "dark" : "light";
      if (root.dataset.theme === name) return;
      root.dataset.theme = name;
      changed();
    };
    choose();
    dark.addEventListener("change", choose);
    paper.addEventListener("change", choose);
    for (const name of ["beforeprint", "afterprint"]) {
      window.addEventListener(name, () => { isPrinted = name === "beforeprint"; choose(); });
    }
    window.addEventListener("storage", choose);
  }

  return { $, ENDED, WORDS, count, duration, few, fill, isInTab, linkToAirflow, make, moment, onZone, percent, put, root, row, seconds, showSegments, theme, tokens, usd, usdShort, zoneName };
})();
