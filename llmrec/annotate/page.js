"use strict";
(() => {
  const FORM = "llmrec/ratings/1";
  const SCALE = 5;
  const find = (id) => document.getElementById(id);
  const page = JSON.parse(find("data").textContent);
  const kept = "ratings-" + page.id;
  const letter = (place) => String.fromCharCode(65 + place);
  const answers = new Map();
  let at = 0;

  // Control characters would be invisible, and texts are only ever set as text: none of them can run.
  const visible = (text) => text.replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g,
    (sign) => String.fromCharCode(sign === "\u007f" ? 0x2421 : 0x2400 + sign.charCodeAt(0)));

  function made(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function say(text, warning) {
    find("status").textContent = text;
    find("status").classList.toggle("warning", Boolean(warning));
  }

  function trouble(text) {
    find("trouble").textContent = text;
    find("trouble").hidden = false;
  }

  const blank = (item) => ({
    ranks: item.texts.map(() => null),
    scores: Object.fromEntries(page.criteria.map((one) => [one.id, item.texts.map(() => null)])),
    comment: "",
  });
  const answer = (item) => answers.get(item.id) || blank(item);
  const values = (given) => [given.ranks, ...page.criteria.map((one) => given.scores[one.id])];
  const finished = (item) => values(answer(item)).every((row) => row.every((value) => value !== null));

  function change(item, edit) {
    const given = answer(item);
    edit(given);
    answers.set(item.id, given);
    keep();
    tally();
  }

  function exported() {
    const given = page.items.filter((item) => answers.has(item.id));
    return {
      schema: FORM, page: page.id, rater: find("rater").value.trim(),
      answers: given.map((item) => ({ item: item.id, ...answer(item) })),
    };
  }

  function keep() {
    try {
      localStorage.setItem(kept, JSON.stringify({ at, ratings: exported() }));
    } catch (error) {
      trouble("This browser keeps nothing (" + error.name + "): export before you close the page.");
    }
  }

  function restore() {
    try {
      const stored = localStorage.getItem(kept);
      if (stored === null) return;
      const { at: place, ratings } = JSON.parse(stored);
      take(ratings);
      at = Number.isInteger(place) && page.items[place] ? place : 0;
    } catch (error) {
      trouble("What this browser kept cannot be read (" + error.message + "): import an exported file.");
    }
  }

  // Takes exported ratings over what is there, or throws where they are not of this page.
  function take(ratings) {
    const fits = (row, most, size) => Array.isArray(row) && row.length === size
      && row.every((value) => value === null || (Number.isInteger(value) && value >= 1 && value <= most));
    const demand = (holds, rule) => { if (!holds) throw new Error(rule); };
    demand(ratings && ratings.schema === FORM && Array.isArray(ratings.answers), "no exported ratings");
    demand(ratings.page === page.id, "ratings of another page");
    const read = ratings.answers.map((given) => {
      const item = page.items.find((one) => one.id === given.item);
      demand(item && given.scores && typeof given.comment === "string", "an item is not of this page");
      const size = item.texts.length;
      demand(fits(given.ranks, size, size), "a place is out of range");
      demand(page.criteria.every((one) => fits(given.scores[one.id], SCALE, size)), "a score is out of range");
      const scores = Object.fromEntries(page.criteria.map((one) => [one.id, given.scores[one.id]]));
      return [item.id, { ranks: given.ranks, scores, comment: given.comment }];
    });
    for (const [id, given] of read) answers.set(id, given);
    if (typeof ratings.rater === "string" && ratings.rater) find("rater").value = ratings.rater;
    return read.length;
  }

  function show(focus) {
    const item = page.items[at];
    find("head").textContent = visible(item.asked.head) || "Item " + (at + 1);
    find("whole").textContent = visible(item.asked.whole);
    find("more").hidden = !item.asked.whole;
    find("texts").replaceChildren(...item.texts.map(card));
    find("questions").replaceChildren(...groups(item), remark(item));
    find("previous").disabled = at === 0;
    find("next").disabled = at === page.items.length - 1;
    for (const box of document.querySelectorAll(".text")) {
      if (box.scrollHeight > box.clientHeight) box.tabIndex = 0;  // so that keys can scroll it
    }
    tally();
    window.scrollTo(0, 0);
    if (focus) focusOn(firstOpen(), true);
  }

  function card(text, place) {
    const body = made("div", { class: text.trim() ? "text" : "text absent", dir: "auto" });
    body.textContent = text.trim() ? visible(text) : "(no text)";
    const name = made("h3", { id: "text-" + place }, letter(place));
    return made("article", { class: "card", "aria-labelledby": "text-" + place }, name, body);
  }

  function groups(item) {
    const order = made("div", { class: "group" }, made("h3", {}, "1. Rank the texts"),
      made("p", {}, "1 is the best. Equal texts may have the same place."),
      ...item.texts.map((_, place) => question(item, place, null, item.texts.length)));
    const rated = page.criteria.map((one, number) => made("div", { class: "group" },
      made("h3", {}, `${number + 2}. ${one.id[0].toUpperCase()}${one.id.slice(1)}`),
      made("p", {}, one.question),
      made("p", { class: "ends" }, made("span", {}, "1 = " + one.low), made("span", {}, SCALE + " = " + one.high)),
      ...item.texts.map((_, place) => question(item, place, one.id, SCALE))));
    return [order, ...rated];
  }

  const row = (given, criterion) => (criterion === null ? given.ranks : given.scores[criterion]);

  function question(item, place, criterion, most) {
    const name = (criterion === null ? "place" : "score-" + criterion) + "-" + place;
    const label = (criterion === null ? "Place" : criterion) + " of text " + letter(place);
    const chosen = row(answer(item), criterion)[place];
    const choices = made("div", { class: "choices" });
    for (let value = 1; value <= most; value += 1) {
      const input = made("input", { type: "radio", name, value, "aria-label": value });
      input.checked = value === chosen;
      // A second press takes the answer back, so that touch can do what Backspace does.
      input.addEventListener("click", () => {
        const now = row(answer(item), criterion)[place];
        set(block, now === value ? null : value);
      });
      choices.append(made("label", {}, input, made("span", { "aria-hidden": "true" }, String(value))));
    }
    const snippet = made("span", { class: "snippet", dir: "auto", "aria-hidden": "true" });
    snippet.textContent = visible(item.texts[place].slice(0, 120)).replace(/\s+/g, " ");
    const block = made("div", { class: "question", role: "radiogroup", "aria-label": label },
      made("span", { class: "letter", "aria-hidden": "true" }, letter(place)), snippet, choices);
    block.answer = { item, place, criterion, most };
    return block;
  }

  function remark(item) {
    const field = made("textarea", { id: "comment", rows: 2, dir: "auto" });
    field.value = answer(item).comment;
    field.addEventListener("input", () => change(item, (given) => { given.comment = field.value; }));
    return made("div", { class: "group" }, made("label", { for: "comment" }, "Comment (if you like)"), field);
  }

  function tally() {
    const done = page.items.filter(finished).length;
    find("progress").max = page.items.length;
    find("progress").value = done;
    find("count").textContent = `${done} of ${page.items.length} done`;
    const names = page.items.map((item, place) => `${place + 1}${finished(item) ? " ✓" : ""}`);
    if (find("item").options.length !== names.length) {
      find("item").replaceChildren(...names.map((_, place) => made("option", { value: place })));
    }
    names.forEach((name, place) => { find("item").options[place].textContent = name; });
    find("item").value = at;
  }

  const blocks = () => [...find("questions").querySelectorAll(".question")];
  const value = (block) => row(answer(block.answer.item), block.answer.criterion)[block.answer.place];
  const current = () => document.activeElement.closest && document.activeElement.closest(".question");
  const firstOpen = () => blocks().find((block) => value(block) === null) || blocks()[0];

  function focusOn(block, still) {
    const input = block.querySelector("input:checked") || block.querySelector("input");
    input.focus({ preventScroll: Boolean(still) });
  }

  function set(block, chosen) {
    const { item, place, criterion } = block.answer;
    change(item, (given) => { row(given, criterion)[place] = chosen; });
    for (const input of block.querySelectorAll("input")) input.checked = Number(input.value) === chosen;
    say(finished(item) ? "This item is finished." : "");
  }

  function step(by) {
    const all = blocks();
    const here = all.indexOf(current());
    focusOn(here < 0 ? firstOpen() : all[Math.min(Math.max(here + by, 0), all.length - 1)]);
  }

  function go(place) {
    if (!page.items[place]) return;
    at = place;
    keep();
    say("");
    show(true);
  }

  function number(pressed) {
    const block = current() || firstOpen();
    if (pressed > block.answer.most) return say(`Give 1 to ${block.answer.most} here.`, true);
    set(block, pressed || null);
    focusOn(block);
    if (pressed) step(1);
  }

  const KEYS = {
    ArrowRight: () => go(at + 1), ArrowLeft: () => go(at - 1),
    ArrowDown: () => step(1), ArrowUp: () => step(-1), Backspace: () => number(0),
  };

  document.addEventListener("keydown", (event) => {
    const field = event.target;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape" && field.id === "comment") return focusOn(firstOpen());
    if (field.matches("textarea, select, #rater, .text")) return;
    const act = /^[0-9]$/.test(event.key) ? () => number(Number(event.key)) : KEYS[event.key];
    if (!act) return;
    event.preventDefault();  // arrows would change the radio button, Backspace is some browsers' way back
    act();
  });

  find("previous").addEventListener("click", () => go(at - 1));
  find("next").addEventListener("click", () => go(at + 1));
  find("item").addEventListener("change", () => { at = Number(find("item").value); keep(); show(false); });
  find("questions").addEventListener("submit", (event) => event.preventDefault());
  find("rater").addEventListener("input", keep);

  find("export").addEventListener("click", () => {
    const ratings = exported();
    if (!ratings.rater) {
      find("rater").focus();
      return say("Write your name or initials first.", true);
    }
    const content = new Blob([JSON.stringify(ratings, null, 1)], { type: "application/json" });
    const name = ratings.rater.replace(/[^\p{L}\p{N}_-]+/gu, "_");
    const link = made("a", { href: URL.createObjectURL(content), download: `ratings-${page.id}-${name}.json` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    const open = page.items.flatMap((item, place) => (finished(item) ? [] : [place + 1]));
    const more = open.length > 9 ? ` and ${open.length - 9} more` : "";
    say(open.length ? `Exported. Not finished: ${open.slice(0, 9).join(", ")}${more}` : "Exported, all finished.",
      open.length > 0);
  });

  find("import").addEventListener("change", async () => {
    const [file] = find("import").files;
    if (!file) return;
    try {
      const count = take(JSON.parse(await file.text()));
      keep();
      show(true);
      say(`${count} items read.`);
    } catch (error) {
      say(`${file.name} was not read: ${error.message}.`, true);
    }
    find("import").value = "";
  });

  restore();
  show(true);
})();
