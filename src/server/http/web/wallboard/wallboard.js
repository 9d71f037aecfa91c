// Reads the API once a second and writes it into the page. Every text from the server
// becomes a text node, so nothing that a caller sends can become markup.
"use strict";

const PERIOD_MS = 1000;
const SHOWN_CALLS = 100;
const WORDS = {
  ready: "ready", offered: "ringing", talking: "talking",
  wrap_up: "wrap-up", paused: "paused", logged_out: "logged out",
};
const ORDER = ["offered", "talking", "wrap_up", "ready", "paused"];

const $ = (id) => document.getElementById(id);

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function time(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

const percent = (ratio) => (ratio === null ? "–" : `${Math.round(ratio * 100)} %`);

function judge(ratio, target) {
  if (ratio === null) return "";
  if (ratio >= target) return "good";
  return ratio >= target - 0.1 ? "warn" : "bad";
}

function figure(id, text, mood) {
  const number = $(id).querySelector("b");
  number.textContent = text;
  number.className = mood || "";
}

function figures(queues, operators, calls) {
  const sum = (pick) => queues.reduce((total, queue) => total + pick(queue), 0);
  const waiting = sum((queue) => queue.waiting);
  const longest = Math.max(0, ...queues.map((queue) => queue.longest_wait_s));
  const promised = Math.min(Infinity, ...queues.map((queue) => queue.service_level.within_s));
  const counted = sum((q) => q.service_level.answered + q.service_level.abandoned);
  const weighed = (pick) => sum((q) => {
    const weight = q.service_level.answered + q.service_level.abandoned;
    return weight ? pick(q.service_level) * weight : 0;
  });
  const ratio = counted ? weighed((level) => level.ratio) / counted : null;
  const target = counted ? weighed((level) => level.target) / counted : 0;
  const doing = (state) => operators.filter((operator) => operator.state === state).length;
  const stuck = queues.some((queue) => queue.waiting > 0 && staffed(queue) === 0);
  figure("figure-waiting", waiting, stuck ? "bad" : waiting ? "warn" : "");
  figure("figure-longest", time(longest), longest > promised ? "bad" : "");
  figure("figure-level", percent(ratio), judge(ratio, target));
  figure("figure-calls", calls.total);
  figure("figure-ready", doing("ready"), doing("ready") ? "good" : "");
  figure("figure-talking", doing("talking"));
}

const staffed = ({ operators: o }) => o.ready + o.offered + o.talking + o.wrap_up + o.paused;

function level({ ratio, target }) {
  const cell = element("td");
  const box = element("div", `level ${judge(ratio, target)}`);
  const bar = element("span", "bar");
  const done = element("i");
  done.style.width = `${(ratio ?? 0) * 100}%`;
  const mark = element("u");
  mark.style.left = `${target * 100}%`;
  mark.title = `target ${percent(target)}`;
  bar.append(done, mark);
  box.append(bar, element("span", "", percent(ratio)));
  cell.append(box);
  return cell;
}

function queueRow(queue) {
  const row = element("tr");
  const name = element("th", "", queue.name);
  name.scope = "row";
  const { operators, service_level: promise } = queue;
  const nobody = queue.waiting > 0 && staffed(queue) === 0;
  const late = queue.longest_wait_s > promise.within_s;
  const number = (value, mood = "") => element("td", `number ${mood}`, value);
  row.append(
    name,
    number(queue.waiting, nobody ? "bad" : queue.waiting ? "warn" : ""),
    number(time(queue.longest_wait_s), late ? "bad" : ""),
    level(promise),
    number(promise.answered),
    number(promise.abandoned),
    number(operators.ready, operators.ready ? "good" : queue.waiting ? "bad" : ""),
    number(operators.offered),
    number(operators.talking),
    number(operators.wrap_up),
    number(operators.paused),
  );
  return row;
}

function tile(operator, now) {
  const box = element("li", `tile ${operator.state}`);
  const since = (now - Date.parse(operator.since)) / 1000;
  const detail = [operator.queue, operator.reason].filter(Boolean).join(" · ");
  box.append(
    element("strong", "", operator.display || operator.name),
    element("span", "doing", `${WORDS[operator.state] || operator.state} ${time(since)}`),
    element("span", "detail", detail),
  );
  return box;
}

function callRow(call) {
  const row = element("tr");
  const texts = [call.from, call.to, call.state, call.queue || "", call.operator || ""];
  row.append(...texts.map((text) => element("td", "", text)));
  row.append(element("td", "number", time(call.waited_s)));
  return row;
}

function rows(id, made, columns, nothing) {
  if (!made.length) {
    const row = element("tr");
    const cell = element("td", "empty", nothing);
    cell.colSpan = columns;
    row.append(cell);
    made = [row];
  }
  $(id).replaceChildren(...made);
}

function show(queues, operators, calls, now) {
  figures(queues, operators, calls);
  rows("queues", queues.map(queueRow), 11, "no queues are configured");
  const there = operators.filter((operator) => operator.state !== "logged_out");
  there.sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || a.name.localeCompare(b.name));
  $("operators").replaceChildren(...there.map((operator) => tile(operator, now)));
  $("operators-out").textContent = `${operators.length - there.length} logged out`;
  rows("calls", calls.calls.map(callRow), 6, "no calls");
  const more = calls.total - calls.calls.length;
  $("calls-more").textContent = more > 0 ? `and ${more} more` : "";
}

async function read(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(5000) });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail || `status ${answer.status}`);
  return { body, date: Date.parse(answer.headers.get("Date")) };
}

async function turn() {
  try {
    const [queues, operators, calls] = await Promise.all([
      read("api/v1/queues"),
      read("api/v1/operators"),
      read(`api/v1/calls?limit=${SHOWN_CALLS}`),
    ]);
    // The server's clock: a screen's own may be wrong.
    const now = operators.date || Date.now();
    show(queues.body.queues, operators.body.operators, calls.body, now);
    $("clock").textContent = new Date(now).toLocaleTimeString();
    $("link").textContent = "live";
    $("link").className = "link up";
    document.body.classList.remove("stale");
  } catch (error) {
    $("link").textContent = `no connection: ${error.message}`;
    $("link").className = "link down";
    document.body.classList.add("stale");
  }
  setTimeout(turn, PERIOD_MS);
}

turn();
