/* Changes the desk without loading a page, and puts the words of a quote between brackets. */

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const on = addEventListener;
const rows = () => $$("[data-sentence]").filter((row) => row.offsetParent);
const rowOf = (node) => node.closest?.("[data-sentence]");
const status = $("#desk-status");
const CURRENT = "[aria-current][data-sentence]";
let typed; // a visit would lose it
let sending, anchor, down, dragged, drag;
let turns = 0;

// `next` selects what takes the focus.
async function load(query, next, body) {
  if (sending) return;
  const turn = ++turns;
  sending = body;
  const answer = await fetch(body ? $("#desk-form").action : `?${query}`, { method: body ? "POST" : "GET", body })
    .catch(() => ({}));
  const html = await answer.text?.().catch(() => "") ?? "";
  if (turn < turns) return;
  const page = new DOMParser().parseFromString(html, "text/html");
  const fresh = $("#desk", page);
  const isDone = answer.ok && (answer.redirected || !body);
  sending = false;
  typed &&= !isDone;
  $("#desk-failure").hidden = answer.status < 500;
  if (!fresh && answer.status < 500) { // the session ended
    typed = false;
    return body && !isDone ? $("#desk-form").submit() : location.assign(answer.url);
  }
  if (!fresh) return;
  const { activeElement } = document;
  const { id, name, value } = rowOf(activeElement) ?? activeElement;
  const same = id ? `#${id}` : `[name="${name}"][value="${CSS.escape(value)}"]`;
  const search = isDone ? new URL(answer.url).search : query ? `?${query}` : location.search;
  $("#desk").replaceWith(fresh);
  if (search !== location.search) history.pushState(null, "", search);
  prepare();
  focus($("#desk [role][autofocus]") ?? $(isDone && body ? CURRENT : next ?? same));
  status.textContent = $("#desk .notice, #panel-title")?.textContent;
}

function prepare() {
  $$("[data-sentence] :is(a, button)").forEach((control) => { control.tabIndex = -1; });
  ($(CURRENT) ?? rows()[0])?.setAttribute("tabindex", 0);
  $$("#panel [data-quote]").forEach(bracket);
  $("#desk").dispatchEvent(new CustomEvent("formset:added", { bubbles: true })); // to the editor
}

function focus(element) {
  if (element?.dataset.sentence) rows().forEach((row) => { row.tabIndex = row === element ? 0 : -1; });
  element?.focus();
}

function visit(query, next) {
  const body = typed ? new FormData($("#desk-form")) : null;
  body?.set("go", query);
  load(query, next, body);
}

on("submit", (event) => {
  const { target, submitter } = event;
  if (target.id !== "desk-form") return;
  event.preventDefault();
  if (submitter.name === "go") visit(submitter.value);
  else load("", null, new FormData(target, submitter));
});
on("popstate", () => location.hash || visit(location.search.slice(1)));
on("beforeunload", (event) => typed && event.preventDefault());

function choose(row, { shiftKey, ctrlKey, metaKey }, next, words = "") {
  const all = rows();
  const adds = ctrlKey || metaKey;
  if (!shiftKey) anchor = row.id;
  const ends = [row, $(`#${anchor}`) ?? row].map((each) => all.indexOf(each));
  const tokens = all.slice(Math.min(...ends), Math.max(...ends) + 1).map(({ dataset }) => dataset.sentence + words);
  const kept = new Set(adds || typed ? $$("#panel [name=o]").map(({ value }) => value) : []);
  if (!adds || tokens[1] || !kept.delete(tokens[0])) tokens.forEach((token) => kept.add(token));
  visit(`${[...kept].map((token) => `o=${token}&`).join("")}hecho=${$("#desk").dataset.kind}`, next);
}

// As the end of a token: «:5-12»
function selectedWords(sentence) {
  const range = !getSelection().isCollapsed && getSelection().getRangeAt(0);
  if (!range || !sentence.contains(range.commonAncestorContainer)) return "";
  const before = new Range();
  before.setStart(sentence, 0);
  before.setEnd(range.startContainer, range.startOffset);
  const first = `${before}`.split(" ").length + `${range}`.startsWith(" ");
  return `:${first}-${`${before}${range}`.trimEnd().split(" ").length}`;
}

on("pointerdown", ({ target, pointerType, button }) => {
  down = pointerType === "mouse" && !button && rowOf(target);
  drag = target.closest("blockquote span") && target.closest("[data-quote]").drag(target);
});

on("pointermove", ({ x, y }) => drag?.(document.elementFromPoint(x, y)));

on("pointerup", ({ target, ctrlKey, metaKey }) => {
  const row = down && rowOf(target);
  const words = row && row === down ? selectedWords($("q", row)) : "";
  drag = null;
  dragged = words || (row && row !== down);
  if (!dragged) return;
  getSelection().removeAllRanges();
  anchor = down.id;
  choose(row, { shiftKey: !words, ctrlKey, metaKey }, null, words);
});

on("click", (event) => {
  const { target, shiftKey, ctrlKey } = event;
  const row = rowOf(target);
  const link = target.closest("#desk a[href^='?']");
  if (target.dataset.by) step(target);
  else if (link && !ctrlKey && !shiftKey) {
    event.preventDefault();
    typed &&= link.id !== "let-go";
    visit(link.search.slice(1), row && "#panel-title");
  } else if (row && !dragged && !target.closest("a, button")) {
    focus(row);
    choose(row, event);
  }
});

on("keydown", (event) => {
  const { key, target, ctrlKey, metaKey, shiftKey } = event;
  const row = target.dataset.sentence && target;
  const by = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[key];
  const next = row && by && rows()[rows().indexOf(row) + by];
  const isChoice = row && ["Enter", " "].includes(key);
  if (next || isChoice) event.preventDefault();
  if (next) focus(next);
  if (next && shiftKey) choose(next, event);
  else if (next) anchor = next.id;
  if (isChoice) choose(row, event, key === "Enter" ? "#panel-title" : null);
  else if (key === "Enter" && (ctrlKey || metaKey)) $("#panel [name=save]")?.click();
  if (by && target.dataset.by) step(target, by);
  if (key !== "Escape") return;
  focus(row || $(CURRENT));
  if (!typed) $("#let-go")?.click();
});

function bracket(quote) {
  const [field, box, text, mark] = $$("textarea, [data-words], blockquote, mark", quote);
  const [number, wanted] = $("[name=o]", quote).value.split(/[:-]/);
  const sentence = $(`#o${number} q`)?.textContent ?? "";
  const words = sentence.split(" ");
  const at = sentence.indexOf(field.value, words.slice(0, wanted - 1).join(" ").length);
  if (!field.value || at < 0) return;
  const spans = words.map((word) => Object.assign(document.createElement("span"), { textContent: `${word} ` }));
  let ends;
  const bound = (first, last) => {
    if (first < 0 || first > last || last === words.length) return;
    ends = [first, last];
    mark.replaceChildren(...spans.slice(first, last + 1));
    text.replaceChildren(...spans.slice(0, first), mark, ...spans.slice(last + 1));
    field.value = mark.textContent.replace(/[.,;:]? $/, "");
  };
  quote.drag = (word) => { // a bracket, or a new run
    const place = spans.indexOf(word);
    const other = ends.includes(place) ? ends[0] + ends[1] - place : place;
    return (to) => {
      if (to === word || !spans.includes(to)) return;
      word = typed = to;
      bound(...[other, spans.indexOf(to)].sort((a, b) => a - b));
    };
  };
  quote.step = (edge, by) => {
    typed = true;
    bound(ends[0] + (edge ? 0 : by), ends[1] + (edge && by));
    status.textContent = words[ends[edge]];
  };
  const start = sentence.slice(0, at).split(" ").length - 1;
  bound(start, start + field.value.split(" ").length - 1);
  field.hidden = true;
  box.hidden = false;
}

function step({ dataset, parentNode }, by = dataset.by) {
  parentNode.closest("[data-quote]").step(+dataset.edge, +by);
}

// A filled field takes the tick of the last quote; a name only if that quote proves nothing else.
on("input", ({ target }) => {
  if (!target.closest("#panel")) return;
  typed = true;
  const boxes = $$("[name^=proves-]", target.closest("[data-field]") ?? target);
  const box = boxes.at(-1);
  if (!box || boxes.some((other) => other.checked || other === target)) return;
  box.checked = !/^(.*-)?$/.test(box.value) || !$(`[name="${box.name}"]:checked`);
});

prepare();
