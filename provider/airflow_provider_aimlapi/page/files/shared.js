/* Shared by both pages: the format of numbers and texts, elements, light and dark.
   Every text goes through textContent, and no HTML is ever made of a string: texts may be foreign. */
"use strict";
const ui = (() => {
  const STATUSES = ["ok", "truncated", "refused", "invalid", "rejected", "skipped"];
  const ENDED = ["published", "complete", "failed", "stopped", "superseded", "parked"];
  const WORDS = {
    waiting: "waiting", running: "running", publishing: "publishing", published: "published",
    complete: "complete", failed: "failed", stopped: "stopped", superseded: "superseded", parked: "parked",
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
  const sameDay = (a, b) => a.toDateString() === b.toDateString();
  const moment = (ms) => {
    const at = new Date(ms);
    const clock = at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
    return sameDay(at, new Date()) ? clock : `${at.toLocaleDateString("en-CA")} ${clock}`;
  };

  // Elements.

  const make = (tag, text, className) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (className) element.className = className;
    return element;
  };
  const put = (id, text) => { $(id).textContent = text; };
  const fill = (id, children) => $(id).replaceChildren(...children);
  const row = (tag, cells) => {
    const line = make("tr");
    for (const [content, className] of cells) {
      const cell = make(tag, typeof content === "string" ? content : undefined, className);
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
    bar.setAttribute("aria-label", `${run.rows_done} of ${run.rows} rows`);
    return segments;
  }

  /* Choose light or dark as Airflow's own pages do, or else as the reader's system does. */
  function theme(changed) {
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    const choose = () => {
      let chosen = null;
      try { chosen = window.localStorage.getItem("theme"); } catch { /* a report opened from a disk may have no storage */ }
      const isDark = /dark|light/.test(chosen ?? "") ? chosen.includes("dark") : dark.matches;
      const name = isDark ? "dark" : "light";
      if (root.dataset.theme === name) return;
      root.dataset.theme = name;
      changed();
    };
    choose();
    dark.addEventListener("change", choose);
    window.addEventListener("storage", choose);
  }

  return { $, ENDED, WORDS, count, duration, few, fill, make, moment, percent, put, root, row, seconds, showSegments, theme, tokens, usd, usdShort };
})();
