/* The browser of samples. */

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

const data = JSON.parse(at("data").textContent);
const STEP = 200;
const controls = { run: at("by-run"), outcome: at("by-outcome"), user: at("by-user"), text: at("by-text"), one: at("by-one"), other: at("by-other") };
const byRun = data.runs.map(() => new Map());
data.samples.forEach((sample) => byRun[sample.run].set(sample.row, sample));
let found = [];   /* lists of one sample, or of two that are held against each other */
let current = -1;
let drawn = 0;
let searches = 0;

/* Details stand on the page, or are asked for, a row at a time, of the server that gave it. */
async function ask(path) {
  const answer = await fetch(data.source + path).catch(() => null);
  if (answer?.ok) return answer.json();
  throw new Error(answer?.status === 500 ? await answer.text() : "The runs have changed, or llmrec view has stopped: load the page again.");
}
const detailsOf = async (row) => data.details ?? ask(`row/${row}`);

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
  data.samples.forEach((sample, number) => { sample.number = number; });
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

async function hasText(words) {
  if (words === "") return () => true;
  const numbers = data.details ? holding(data.details, words) : new Set(await ask(`search?text=${encodeURIComponent(words)}`));
  return (sample) => numbers.has(sample.number);
}

/* The numbers of the samples that words in small letters stand in. */
function holding(details, words) {
  const has = (text) => text.toLowerCase().includes(words);
  const those = (list, held) => new Set(list.flatMap((one, at) => held(one, at) ? [at] : []));
  const texts = those(details.texts, has);
  const items = those(details.items, ([id, title]) => has(id) || has(title));
  const prompts = those(details.prompts, (turns) => turns.some((turn) => turn.parts.some(([, text]) => texts.has(text))));
  const said = (answer) => answer !== null && (has(answer.words) || answer.items.some((item) => items.has(item)));
  const rows = those(data.rows, ({ id }, at) => has(id) || (({ item, right, candidates, review }) =>
    items.has(item) || said(right) || candidates.some((one) => items.has(one)) || texts.has(review))(details.rows[at]));
  return those(data.samples, ({ row, number }) => rows.has(row) || (({ prompt, completions, read }) =>
    prompts.has(prompt) || completions.some((done) => done.texts.some((text) => texts.has(text))) || said(read))(details.samples[number]));
}

function pairs(one, other) {
  return [...byRun[one].values()]
    .flatMap((sample) => byRun[other].has(sample.row) ? [[sample, byRun[other].get(sample.row)]] : [])
    .filter(([first, second]) => first.score !== null && second.score !== null && first.score !== second.score)
    .sort((a, b) => Math.abs(b[1].score - b[0].score) - Math.abs(a[1].score - a[0].score));
}

async function search() {
  const mine = ++searches;
  limitOther();
  const [run, one, other] = [controls.run, controls.one, controls.other].map(numberOf);
  const changed = one !== null && other !== null;
  controls.run.disabled = changed;
  const user = controls.user.value.trim().toLowerCase();
  if (!data.details) at("status").textContent = "searching ...";
  const matches = await hasText(controls.text.value.trim().toLowerCase());
  if (mine !== searches) return;
  const every = changed ? pairs(one, other) : data.samples.filter((sample) => run === null || sample.run === run).map((sample) => [sample]);
  found = every.filter((samples) => data.rows[samples[0].row].user.toLowerCase().includes(user)
    && samples.some((sample) => hasOutcome(sample, controls.outcome.value)) && samples.some(matches));
  const what = changed ? `rows that changed, the most first` : `answers`;
  at("status").textContent = `${found.length.toLocaleString("en")} of ${every.length.toLocaleString("en")} ${what}`;
  at("list").replaceChildren();
  current = -1;
  drawn = 0;
  more();
  at("sample").replaceChildren(...(found.length ? [] : [element("p", { class: "dim", text: "No sample is like that." })]));
  await open(0, { remember: false, focus: false });
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
  const button = element("button", { type: "button", on: { click: () => go(place) } },
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

async function open(place, { focus = true, remember = true } = {}) {
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
  const mine = found[place];
  const details = await detailsOf(first.row);
  if (found[current] !== mine) return;
  at("sample").replaceChildren(...shown(mine, row, details));
  if (!focus) return;
  buttons[place].focus({ preventScroll: true });
  /* Where the sample stands below the list, it would open out of sight. */
  const stacked = at("sample").offsetTop > at("list").offsetTop + at("list").parentElement.offsetHeight / 2;
  (stacked ? at("sample") : buttons[place]).scrollIntoView({ block: stacked ? "start" : "nearest" });
}

function shown(samples, row, details) {
  const group = data.groups[row.group];
  const asked = details.rows[samples[0].row];
  const answers = samples.map((sample) => ({ ...sample, ...details.samples[sample.number], run: data.runs[sample.run].name }));
  const turn = element("div", { class: "turn-page" },
    element("button", { type: "button", text: "\u2190 previous", on: { click: () => go(current - 1) } }),
    element("span", { class: "dim", text: `${(current + 1).toLocaleString("en")} of ${found.length.toLocaleString("en")}` }),
    element("button", { type: "button", text: "next \u2192", on: { click: () => go(current + 1) } }));
  const about = terms([["task", group.title], ["row", row.id], ["user", row.user],
    ["item", asked.item === null ? "" : named(details, asked.item)], ["right answer", said(details, asked.right)]]);
  const prompts = [...new Set(answers.map((answer) => answer.prompt))];
  const read = prompts.map((number) => prompt(details, number, answers.find((answer) => answer.prompt === number), prompts.length > 1));
  const review = asked.review !== null && prompts.includes(null) ? [element("h3", { text: "Review" }), ...text(details, asked.review, "said")] : [];
  return [turn, about, element("div", { class: "sides" }, ...answers.map((one) => answer(details, one, group))),
    ...candidates(details, asked, answers), ...review, element("h3", { text: "Prompt" }), element("div", { class: "sides" }, ...read)];
}

function terms(pairs) {
  return element("dl", {}, ...pairs.filter(([, value]) => value !== "" && value !== null).flatMap(([name, value, kind]) =>
    [element("dt", { text: name }), element("dd", { dir: "auto", class: kind ?? null }, value)]));
}

/* An item by its title, where it is known, and its id. */
function named(details, item) {
  const [id, title] = details.items[item];
  return element("span", { class: "item" }, ...(title ? [element("bdi", { text: title }), " "] : []), element("bdi", { class: "id", text: id }));
}

function said(details, answer, more = 0) {
  if (!answer.items.length) return answer.words;
  if (answer.items.length === 1 && !more) return named(details, answer.items[0]);
  return element("ol", { class: "ranked" }, ...answer.items.map((item) => element("li", {}, named(details, item))),
    ...(more ? [element("li", { class: "dim", text: `... ${more.toLocaleString("en")} more` })] : []));
}

function answer(details, one, group) {
  const read = one.failure !== null ? ["failure", outcome(one), "failed"]
    : ["read as", said(details, one.read, one.ranked - one.read.items.length)];
  const place = group.is_ranked && one.failure === null ? (one.place ? String(one.place) : "not ranked") : "";
  const counted = new Map();
  one.repairs.forEach((kind) => counted.set(kind, (counted.get(kind) ?? 0) + 1));
  const repairs = [...counted].map(([kind, times]) => kind.replaceAll("_", " ") + (times > 1 ? ` (${times} times)` : "")).join(", ");
  const texts = one.completions.flatMap((done) => [
    element("p", { class: "role", text: `${done.ask ? `re-ask ${done.ask}` : "completion"}, ${finished(done.finish)}, ${done.prompt_tokens.toLocaleString("en")} + ${done.completion_tokens.toLocaleString("en")} tokens` }),
    ...done.texts.flatMap((number) => text(details, number, "said"))]);
  return element("div", {}, element("h3", { text: one.run, dir: "auto" }),
    terms([[`${group.score} of this row`, score(one.score)], read, ["place of the right one", place],
      ["repaired", repairs], ["asks", one.asks > 1 ? String(one.asks) : ""], ["shown for", data.source ? "" : one.why]]), ...texts);
}

function finished(reason) {
  return reason === "answered" ? "no text written" : `ended by ${reason.replaceAll("_", " ")}`;
}

function text(details, number, kind) {
  const [kept, whole] = [details.texts[number], details.lengths[number]];
  const made = [element("pre", { class: kind ?? null, dir: "auto", tabindex: "0", text: kept === "" ? "(empty)" : kept })];
  if (whole) made.push(element("p", { class: "cut", text: `cut: ${kept.length.toLocaleString("en")} of ${whole.toLocaleString("en")} characters` }));
  return made;
}

function prompt(details, number, one, several) {
  const name = several ? [element("p", { class: "role", text: one.run, dir: "auto" })] : [];
  if (number === null) return element("div", {}, ...name, element("p", { class: "dim", text: "none: the model answers from data" }));
  const cut = one.cut ? [element("p", { class: "cut", text: `${one.cut} parts of the history were left out to fit` })] : [];
  return element("div", {}, ...name, ...cut, ...details.prompts[number].flatMap((turn) => [
    element("p", { class: "role", text: turn.role }),
    ...turn.parts.map(([module, part]) => element("div", { class: `part ${module}` },
      ...(module ? [element("small", { text: module })] : []), ...text(details, part)))]));
}

function candidates(details, asked, answers) {
  if (!asked.candidates.length) return [];
  const [right] = asked.right.items;
  return [element("h3", { text: `Candidates, in the order shown: ${asked.candidates.length}` }),
    element("ol", { class: "candidates", tabindex: "0" }, ...asked.candidates.map((item) => {
      const marks = [...(item === right ? ["right"] : []), ...answers.flatMap((one) =>
        one.read?.items[0] === item ? [answers.length > 1 ? `first choice of ${one.run}` : "first choice"] : [])];
      return element("li", { class: item === right ? "right" : null }, named(details, item), ...(marks.length ? [` (${marks.join("; ")})`] : []));
    }))];
}

function clear() {
  Object.values(controls).forEach((control) => { control.value = ""; });
}

async function follow() {
  const [kind, first, second, third] = decodeURIComponent(location.hash.slice(1)).split("/");
  if (!["run", "sample", "changed"].includes(kind) || !data.runs[Number(first)]) return;
  clear();
  if (kind === "changed") { controls.one.value = first; limitOther(); controls.other.value = second; }
  else controls.run.value = first;
  await search();
  const wanted = kind === "sample" ? second : third;
  const place = wanted ? found.findIndex(([sample]) => data.rows[sample.row].id === wanted) : 0;
  at("samples").scrollIntoView();
  await open(place, { focus: false, remember: wanted !== undefined });
}

/* What a reader does; what goes wrong with it stands in place of the sample. */
const tell = (act) => (...given) => act(...given).catch((error) => {
  at("status").textContent = "";
  at("sample").replaceChildren(element("p", { class: "notice", text: error.message }));
});
const [go, look, turnTo] = [open, search, follow].map(tell);

document.querySelector(".filters").addEventListener("input", (event) => {
  if (event.target === controls.text) { clearTimeout(look.later); look.later = setTimeout(look, 200); } else look();
});
document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
at("clear").addEventListener("click", () => { clear(); look(); });
at("more").addEventListener("click", more);
document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea, pre, .scroll")) return;
  const inList = event.target.closest("#list") !== null;
  const step = { ArrowRight: 1, ArrowLeft: -1, ...(inList ? { ArrowDown: 1, ArrowUp: -1 } : {}) }[event.key];
  if (step === undefined || (current < 0 && !inList)) return;
  event.preventDefault();
  const place = current < 0 ? [...at("list").querySelectorAll("button")].indexOf(event.target.closest("button")) : current;
  go(place + step);
});
window.addEventListener("hashchange", () => turnTo());
prepare();
look().then(turnTo);
