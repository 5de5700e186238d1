"use strict";
/* Sorting and filtering of tables, and the browser of samples. What models wrote is put on the page by
   textContent alone, so that none of it is ever read as markup. */

const element = (tag, given = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name === "text") made.textContent = value;
    else if (name === "on") Object.entries(value).forEach(([event, act]) => made.addEventListener(event, act));
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
};
const at = (id) => document.getElementById(id);

function sortBy(table, column) {
  const heads = [...table.tHead.rows[0].cells];
  const head = heads[column];
  const numeric = head.classList.contains("num");
  const begin = numeric && !head.textContent.includes("\u2193") ? "descending" : "ascending";
  const other = begin === "ascending" ? "descending" : "ascending";
  const order = head.getAttribute("aria-sort") === begin ? other : begin;
  heads.forEach((one) => one.setAttribute("aria-sort", one === head ? order : "none"));
  const sign = order === "ascending" ? 1 : -1;
  const key = (row) => row.cells[column].dataset.key;
  const rows = [...table.tBodies[0].rows].sort((one, two) => {
    if (!numeric) return sign * one.cells[column].textContent.localeCompare(two.cells[column].textContent);
    /* What has no value stands last, whichever way the column is sorted. */
    if (key(one) === undefined || key(two) === undefined) return (key(one) === undefined) - (key(two) === undefined);
    return sign * (Number(key(one)) - Number(key(two)));
  });
  table.tBodies[0].append(...rows);
}

document.querySelectorAll("table.sorts").forEach((table) => {
  [...table.tHead.rows[0].cells].forEach((head, column) =>
    head.querySelector("button").addEventListener("click", () => sortBy(table, column)));
});

document.querySelectorAll(".filter input").forEach((input) => {
  const rows = [...input.closest(".block").querySelectorAll("tbody tr")];
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    rows.forEach((row) => { row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted); });
  });
});

const data = JSON.parse(at("data").textContent);
const STEP = 200;
const controls = { run: at("by-run"), outcome: at("by-outcome"), user: at("by-user"), text: at("by-text"), one: at("by-one"), other: at("by-other") };
const byRun = data.runs.map(() => new Map());
data.samples.forEach((sample) => byRun[sample.run].set(sample.row, sample));
let found = [];   /* lists of one sample, or of two that are held against each other */
let current = -1;
let drawn = 0;

const outcome = (sample) => sample.failure === null ? "valid" : sample.failure.replaceAll("_", " ");
const score = (value) => value === null ? "-" : Number.isInteger(value) ? String(value) : value.toFixed(4);
const numberOf = (control) => control.value === "" ? null : Number(control.value);

function fill(select) {
  data.groups.forEach((group, place) => {
    const options = data.runs.flatMap((run, at) => run.group === place
      ? [element("option", { value: at, text: run.name })] : []);
    select.append(element("optgroup", { label: group.title }, ...options));
  });
}

function prepare() {
  [controls.run, controls.one, controls.other].forEach((select) => fill(select));
  const failures = [...new Set(data.samples.map((sample) => sample.failure))].filter((kind) => kind !== null).sort();
  const options = [["valid", "valid"], ["repaired", "valid, repaired"], ...(failures.length ? [["failed", "failed"]] : []),
    ...failures.map((kind) => ["failed:" + kind, "failed: " + kind.replaceAll("_", " ")])];
  controls.outcome.append(...options.map(([value, text]) => element("option", { value, text })));
  const users = [...new Set(data.rows.map((row) => row.user))].sort();
  at("users").append(...users.map((user) => element("option", { value: user })));
}

/* Only a run that was asked the same rows can be held against another. */
function limitOther() {
  const one = numberOf(controls.one);
  [...controls.other.options].forEach((option) => {
    const run = option.value === "" ? null : Number(option.value);
    option.disabled = run !== null && (one === null || run === one || data.runs[run].group !== data.runs[one].group);
  });
  if (controls.other.selectedOptions[0]?.disabled) controls.other.value = "";
}

function hasOutcome(sample, wanted) {
  if (wanted === "") return true;
  if (wanted === "valid") return sample.failure === null;
  if (wanted === "repaired") return sample.failure === null && sample.repairs.length > 0;
  return sample.failure !== null && (wanted === "failed" || wanted === "failed:" + sample.failure);
}

function hasText(words) {
  if (words === "") return () => true;
  const texts = new Set(data.texts.flatMap((text, at) => text.toLowerCase().includes(words) ? [at] : []));
  const prompts = new Set(data.prompts.flatMap((turns, at) =>
    turns.some((turn) => turn.parts.some((part) => texts.has(part[1]))) ? [at] : []));
  const rows = new Set(data.rows.flatMap((row, at) => texts.has(row.review) ||
    [row.id, row.reference, ...row.candidates].some((text) => text.toLowerCase().includes(words)) ? [at] : []));
  return (sample) => rows.has(sample.row) || (sample.prompt !== null && prompts.has(sample.prompt))
    || sample.completions.some((done) => done.texts.some((text) => texts.has(text)))
    || sample.parsed.some((text) => text.toLowerCase().includes(words));
}

function pairs(one, other) {
  return [...byRun[one].values()]
    .flatMap((sample) => byRun[other].has(sample.row) ? [[sample, byRun[other].get(sample.row)]] : [])
    .filter(([first, second]) => first.score !== null && second.score !== null && first.score !== second.score)
    .sort((a, b) => Math.abs(b[1].score - b[0].score) - Math.abs(a[1].score - a[0].score));
}

function search() {
  limitOther();
  const [run, one, other] = [controls.run, controls.one, controls.other].map(numberOf);
  const changed = one !== null && other !== null;
  controls.run.disabled = changed;
  const user = controls.user.value.trim().toLowerCase();
  const matches = hasText(controls.text.value.trim().toLowerCase());
  const every = changed ? pairs(one, other) : data.samples.filter((sample) => run === null || sample.run === run).map((sample) => [sample]);
  found = every.filter((samples) => data.rows[samples[0].row].user.toLowerCase().includes(user)
    && samples.some((sample) => hasOutcome(sample, controls.outcome.value)) && samples.some(matches));
  const what = changed ? `rows that changed, the most first` : `answers`;
  at("status").textContent = `${found.length.toLocaleString("en")} of ${every.length.toLocaleString("en")} ${what}`;
  at("list").replaceChildren();
  current = -1;
  drawn = 0;
  more();
  at("sample").replaceChildren(element("p", { class: "dim", text: "No sample is like that." }));
  open(0, { remember: false, focus: false });
}

function more() {
  const next = found.slice(drawn, drawn + STEP).map((samples, place) => item(samples, drawn + place));
  at("list").append(...next);
  drawn += next.length;
  at("more").hidden = drawn >= found.length;
}

function item(samples, place) {
  const [first, second] = samples;
  const row = data.rows[first.row];
  const failed = samples.some((sample) => sample.failure !== null);
  const name = second ? row.user : data.runs[first.run].name;
  const change = second ? `${score(first.score)} \u2192 ${score(second.score)}` : score(first.score);
  const button = element("button", { type: "button", on: { click: () => open(place) } },
    element("span", { text: name, dir: "auto", title: name }),
    element("span", { text: change, title: data.groups[row.group].score + " of this row" }),
    element("span", { text: second ? row.id : row.user, class: "dim", dir: "auto" }),
    element("span", { text: second ? better(first, second) : outcome(first), class: failed && !second ? "failed" : "dim" }));
  return element("li", {}, button);
}

function better(first, second) {
  const up = data.groups[data.runs[first.run].group].higher_is_better;
  return (second.score > first.score) === up ? "better" : "worse";
}

function open(place, { focus = true, remember = true } = {}) {
  if (place < 0 || place >= found.length) return;
  while (place >= drawn) more();
  const buttons = at("list").querySelectorAll("button");
  buttons[current]?.removeAttribute("aria-current");
  current = place;
  buttons[place].setAttribute("aria-current", "true");
  const [first, second] = found[place];
  const row = data.rows[first.row];
  const where = second ? `changed/${first.run}/${second.run}/${row.id}` : `sample/${first.run}/${row.id}`;
  if (remember) history.replaceState(null, "", "#" + where);
  at("sample").replaceChildren(...shown(found[place], row));
  if (!focus) return;
  buttons[place].focus({ preventScroll: true });
  /* Where the sample stands below the list, it would open out of sight. */
  const stacked = at("sample").offsetTop > at("list").offsetTop + at("list").parentElement.offsetHeight / 2;
  (stacked ? at("sample") : buttons[place]).scrollIntoView({ block: stacked ? "start" : "nearest" });
}

function shown(samples, row) {
  const group = data.groups[row.group];
  const turn = element("div", { class: "turn-page" },
    element("button", { type: "button", text: "\u2190 previous", on: { click: () => open(current - 1) } }),
    element("span", { class: "dim", text: `${(current + 1).toLocaleString("en")} of ${found.length.toLocaleString("en")}` }),
    element("button", { type: "button", text: "next \u2192", on: { click: () => open(current + 1) } }));
  const about = terms([["task", group.title], ["row", row.id], ["user", row.user], ["right answer", row.reference]]);
  const answers = element("div", { class: "sides" }, ...samples.map((sample) => answer(sample, row, group)));
  const prompts = [...new Set(samples.map((sample) => sample.prompt))];
  const asked = element("div", { class: "sides" }, ...prompts.map((number) => prompt(number,
    prompts.length > 1 ? samples.find((sample) => sample.prompt === number) : samples[0], prompts.length > 1)));
  const review = row.review !== null && prompts.includes(null) ? [element("h3", { text: "Review" }), ...text(row.review, "said")] : [];
  return [turn, about, answers, ...candidates(row, samples), ...review, element("h3", { text: "Prompt" }), asked];
}

function terms(pairs) {
  return element("dl", {}, ...pairs.filter(([, value]) => value !== "" && value !== null).flatMap(([name, value, kind]) =>
    [element("dt", { text: name }), element("dd", { text: value, dir: "auto", class: kind ?? null })]));
}

function answer(sample, row, group) {
  const read = sample.failure !== null ? ["failure", outcome(sample), "failed"]
    : ["read as", sample.parsed.join(group.is_ranked ? ", " : " ") + (sample.ranked > sample.parsed.length ? `, ... (${sample.ranked} in all)` : "")];
  const place = group.is_ranked && sample.failure === null ? (sample.place ? String(sample.place) : "not ranked") : "";
  const counted = new Map();
  sample.repairs.forEach((kind) => counted.set(kind, (counted.get(kind) ?? 0) + 1));
  const repairs = [...counted].map(([kind, times]) => kind.replaceAll("_", " ") + (times > 1 ? ` (${times} times)` : "")).join(", ");
  const texts = sample.completions.flatMap((done) => [
    element("p", { class: "role", text: `${done.ask ? `re-ask ${done.ask}` : "completion"}, ${finished(done.finish)}, ${done.prompt_tokens.toLocaleString("en")} + ${done.completion_tokens.toLocaleString("en")} tokens` }),
    ...done.texts.flatMap((number) => text(number, "said"))]);
  return element("div", {}, element("h3", { text: data.runs[sample.run].name, dir: "auto" }),
    terms([[`${group.score} of this row`, score(sample.score)], read, ["place of the right one", place],
      ["repaired", repairs], ["asks", sample.asks > 1 ? String(sample.asks) : ""], ["shown for", sample.why]]), ...texts);
}

function finished(reason) {
  return reason === "answered" ? "no text written" : `ended by ${reason.replaceAll("_", " ")}`;
}

function text(number, kind) {
  const whole = data.lengths[number];
  const made = [element("pre", { class: kind ?? null, dir: "auto", tabindex: "0", text: data.texts[number] === "" ? "(empty)" : data.texts[number] })];
  if (whole) made.push(element("p", { class: "cut", text: `cut: ${data.texts[number].length.toLocaleString("en")} of ${whole.toLocaleString("en")} characters` }));
  return made;
}

function prompt(number, sample, named) {
  const name = named ? [element("p", { class: "role", text: data.runs[sample.run].name, dir: "auto" })] : [];
  if (number === null) return element("div", {}, ...name, element("p", { class: "dim", text: "none: the model answers from data" }));
  const cut = sample.cut ? [element("p", { class: "cut", text: `${sample.cut} parts of the history were left out to fit` })] : [];
  return element("div", {}, ...name, ...cut, ...data.prompts[number].flatMap((turn) => [
    element("p", { class: "role", text: turn.role }),
    ...turn.parts.map(([module, part]) => element("div", { class: `part ${module}` },
      ...(module ? [element("small", { text: module })] : []), ...text(part)))]));
}

function candidates(row, samples) {
  if (!row.candidates.length) return [];
  const firsts = samples.map((sample) => sample.parsed[0]);
  return [element("h3", { text: `Candidates, in the order shown: ${row.candidates.length}` }),
    element("ol", { class: "candidates", tabindex: "0" }, ...row.candidates.map((item) => {
      const marks = [...(item === row.reference ? ["right"] : []), ...samples.flatMap((sample, at) =>
        firsts[at] === item ? [samples.length > 1 ? `first choice of ${data.runs[sample.run].name}` : "first choice"] : [])];
      return element("li", { class: item === row.reference ? "right" : null, text: marks.length ? `${item} (${marks.join("; ")})` : item });
    }))];
}

function clear() {
  Object.values(controls).forEach((control) => { control.value = ""; });
}

function follow() {
  const [kind, first, second, third] = decodeURIComponent(location.hash.slice(1)).split("/");
  if (!["run", "sample", "changed"].includes(kind) || !data.runs[Number(first)]) return;
  clear();
  if (kind === "changed") { controls.one.value = first; limitOther(); controls.other.value = second; }
  else controls.run.value = first;
  search();
  const wanted = kind === "sample" ? second : third;
  const place = wanted ? found.findIndex(([sample]) => data.rows[sample.row].id === wanted) : 0;
  at("samples").scrollIntoView();
  open(place, { focus: false, remember: wanted !== undefined });
}

document.querySelector(".filters").addEventListener("input", (event) => {
  if (event.target === controls.text) { clearTimeout(search.later); search.later = setTimeout(search, 150); } else search();
});
document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
at("clear").addEventListener("click", () => { clear(); search(); });
at("more").addEventListener("click", more);
document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea, pre, .scroll")) return;
  const inList = event.target.closest("#list") !== null;
  const step = { ArrowRight: 1, ArrowLeft: -1, ...(inList ? { ArrowDown: 1, ArrowUp: -1 } : {}) }[event.key];
  if (step === undefined || (current < 0 && !inList)) return;
  event.preventDefault();
  const place = current < 0 ? [...at("list").querySelectorAll("button")].indexOf(event.target.closest("button")) : current;
  open(place + step);
});
window.addEventListener("hashchange", follow);
prepare();
search();
follow();
