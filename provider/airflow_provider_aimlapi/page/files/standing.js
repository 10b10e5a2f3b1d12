/* What a run's state and Airflow's state of its task mean together: a word, a tone, and a sentence.
   A run cannot report that its process was killed, so Airflow's state decides whether it is at work. */
"use strict";
const standing = (() => {
  const { ENDED, WORDS, duration, moment } = ui;
  /* A worker reports every two to five seconds, so a minute without a report is no delay. */
  const SILENT_S = 60;
  /* Airflow's states of a task that a worker has not started. `null` follows a clear. */
  const WAITING = ["none", "scheduled", "queued", "restarting"];
  const RETRY = "waits for its retry";
  const KEPT = "Stored answers are kept, and not paid for again. Calls that were in flight, and answers of the last second, may be.";
  const BEFORE = "The figures are those of the try before.";
  const KILLED = "The attempt ended without a report: its process was killed, or its machine was lost.";
  const words = (state) => (state ?? "not scheduled").replaceAll("_", " ");

  function latest(run) {
    return run.waits_until_us ? ` It continues at ${moment(run.waits_until_us / 1e3)} at the latest, if the output's store answers.` : "";
  }

  function nextTry(task) {
    if (!task.next_try_us) return "Airflow starts the next try once its retry delay is over.";
    return `Airflow starts the next try at ${moment(task.next_try_us / 1e3)}, if a worker is free.`;
  }

  /* The next try after a kill waits until the killed attempt can no longer pay. */
  function afterKill(task) {
    if (!task.next_try_us) return nextTry(task);
    const atMs = task.next_try_us / 1e3 + task.wait_s * 1e3;
    return `${nextTry(task)} Work continues at ${moment(atMs)} at the latest: a try first waits up to ${duration(task.wait_s)}, until a killed one can no longer pay.`;
  }

  /* A run that was at work when its task ended. */
  function killed(task) {
    const said = (notice) => ({ word: "killed", tone: "failed", notice, isKilled: true });
    if (task.state === "up_for_retry") return { ...said(`${KILLED} ${KEPT} ${afterKill(task)}`), word: RETRY, tone: "parked" };
    if (task.state === "failed") return said(`${KILLED} ${KEPT} Airflow starts no other try. Clear the task to continue.`);
    return said(`Airflow's state of the task is “${words(task.state)}”, but the run did not report its end. A person may have set that state. ${KEPT} Clear the task to continue.`);
  }

  /* 1. A task that no worker has started. 2. A try that has started, and whose run has not reported yet.
     3. A run at work whose task has ended was killed. 4. A failed one whose task is tried again waits.
     5. Otherwise the run's own state. */
  function stateOf(run, task, isLive) {
    const isOver = ENDED.includes(run.state);
    const own = { word: WORDS[run.state] ?? run.state, tone: run.state, notice: "" };
    if (!isLive || !task) return own;
    if (!task.state && !isOver) return { word: "cleared", tone: "stopped", notice: `The task was cleared while it ran. ${KEPT} ${BEFORE}` };
    if (WAITING.includes(task.state ?? "none")) return { word: words(task.state), tone: "stopped", notice: `The task waits for a worker. ${BEFORE}` };
    if (task.state === "running") {
      if (task.began_us && run.updated_us < task.began_us) return { word: "starting", tone: "running", notice: `Try ${task.try_number} has started and reads its input. ${BEFORE}` };
      return own;
    }
    if (task.state === "up_for_reschedule") return { ...own, word: "parked", tone: "parked" };
    if (!isOver) return killed(task);
    if (run.state !== "published" && task.state === "up_for_retry") return { word: RETRY, tone: "parked", notice: nextTry(task) };
    return own;
  }

  /* A run that should report and does not. */
  function silence(run, task, silentS) {
    const until = task?.ends_try_us ? `Airflow has not heard from it either, and ends this try at ${moment(task.ends_try_us / 1e3)} at the latest.` : "Its worker may have stopped, or cannot reach Airflow.";
    return { word: "not reporting", tone: "waiting", notice: `The run has reported nothing for ${duration(silentS)}. ${until}`, isAtWork: false };
  }

  /* 1. What Airflow adds. 2. An error, which ends a run. 3. A wait for another attempt. 4. A publication,
     which reports nothing while it copies. 5. A silence. 6. A sample. 7. Nothing to notice. */
  function of(run, task, isLive) {
    const state = stateOf(run, task, isLive);
    const error = run.attempts[run.attempts.length - 1]?.error;
    const isOwn = state.word === (WORDS[run.state] ?? run.state);
    const found = { isAtWork: isLive && isOwn && !ENDED.includes(run.state), ...state };
    if (error && (isOwn || state.tone === "parked")) {
      const unpaid = run.run_key ? "" : "The task failed before its run began, so this try paid nothing. ";
      return { ...found, notice: `${error} ${unpaid}${state.notice}`.trim(), noticeTone: run.state };
    }
    if (state.notice || !isOwn) return found;
    if (run.state === "waiting") return { ...found, notice: "This attempt waits until an earlier one has released the run or lost its right to pay, because only one may pay." + latest(run) };
    const silentS = Date.now() / 1e3 - run.updated_us / 1e6;
    if (found.isAtWork && silentS > SILENT_S) {
      if (run.state === "publishing") return { ...found, notice: `All rows are decided. Copying the parts to the output has taken ${duration(silentS)} so far. A large result takes minutes.${latest(run)}` };
      return { ...found, ...silence(run, task, silentS) };
    }
    if (run.state === "published" && !run.requests && run.rows) return { ...found, notice: "This attempt made no call and paid nothing. Its rows were answered before, by shares, other tasks, or earlier attempts or runs, or have nothing to send." };
    if (run.state === "sampled") return { ...found, notice: "This is the paid sample of an estimate. The run finds its answers, and does not pay for them again." };
    return found;
  }

  const OWN_TASKS = "ClaudeCompletionOperator or @task.claude_completion";

  /* Why a task has no run to show, as a headline and a sentence. */
  function whyEmpty(task) {
    if (!task) return ["No run yet", `A task with ${OWN_TASKS} has a run once it has read its input.`];
    if (task.is_ours === false) return ["This task has no run", `Only tasks with ${OWN_TASKS} have one. Airflow shows this tab on every task. To remove the tab, set task_tab = False in the section [aimlapi] of Airflow's configuration, or AIRFLOW__AIMLAPI__TASK_TAB=False. The list of runs stays.`];
    if (task.state === "running") return ["The run is being prepared", "The task reads its input. Its figures appear once the run begins."];
    if (task.state === "failed" || task.state === "up_for_retry") return ["The task failed before its run began", "The task's log contains the reason. This try paid nothing."];
    if (WAITING.includes(task.state ?? "none")) return ["The task has not started", `Airflow's state of the task is “${words(task.state)}”.`];
    if (task.state === "success") return ["No run is stored", "The task has ended. A plan, and an estimate without a paid sample, have no run, and Airflow may have cleared the progress of an older one. The file report.html beside the output stays."];
    return ["The task did not run", `Airflow's state of the task is “${words(task.state)}”.`];
  }

  return { of, whyEmpty, words };
})();
