/* Updates the readings of dates and quotes while they are typed, opens the form of a new citation, names the
   rich text editor's buttons in Spanish, and moves the focus to the message above a form that was not saved. */
"use strict";

(() => {
  const { dates, quotes } = document.currentScript.dataset;
  const PAUSE = 300; // milliseconds after the last key

  // Readings

  const sibling = (field, name) => document.getElementById(field.id.replace(/(exact|source)$/, name));

  const address = (field) =>
    field.dataset.reads === "date"
      ? `${dates}?${new URLSearchParams({ texto: field.value })}`
      : `${quotes}?${new URLSearchParams({ fuente: sibling(field, "source")?.value ?? "", palabras: field.value })}`;

  const outputOf = (field) => field.parentElement.querySelector("output.reading");

  async function read(field) {
    const url = address(field);
    const response = await fetch(url, { headers: { "X-Requested-With": "fetch" } }).catch(() => null);
    if (url !== address(field)) return; // the field changed meanwhile
    const output = outputOf(field);
    if (response?.ok && !response.redirected) output.innerHTML = await response.text();
    else output.textContent = "No se pudo comprobar; guarde o pulse «Comprobar fechas y citas».";
  }

  const timers = new WeakMap();

  function readSoon(field) {
    if (!field?.dataset?.reads) return;
    clearTimeout(timers.get(field));
    timers.set(field, setTimeout(read, PAUSE, field));
  }

  document.addEventListener("input", ({ target }) => readSoon(target));
  document.addEventListener("change", ({ target }) => {
    if (/source$/.test(target.id)) readSoon(sibling(target, "exact"));
  });

  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("button[data-use]");
    if (!button) return;
    const field = document.getElementById(button.closest("output").getAttribute("for"));
    field.value = button.dataset.use;
    field.focus();
    if (field.dataset.reads) read(field);
    else outputOf(field).textContent = "";
  });

  // The output in an added row refers to the field of that row.
  document.addEventListener("formset:added", ({ target }) => {
    for (const output of target.querySelectorAll("output.reading")) {
      output.setAttribute("for", output.parentElement.querySelector("[data-reads]").id);
    }
  });

  // The link to another citation of a field: the blank form, or a new one

  const total = document.getElementById("id_citations-TOTAL_FORMS");
  if (total) total.autocomplete = "off";

  function blankQuote() {
    const fold = document.querySelector("#citations-group > details");
    const template = fold.querySelector("template");
    const most = document.getElementById("id_citations-MAX_NUM_FORMS").value;
    fold.open = true;
    const written = [...fold.querySelectorAll("[data-reads=quote]")];
    const blank = written.find(({ value }) => !value.trim());
    if (blank || Number(total.value) >= Number(most)) return blank ?? written.at(-1);
    template.insertAdjacentHTML("beforebegin", template.innerHTML.replaceAll("__prefix__", total.value));
    total.value = Number(total.value) + 1;
    return template.previousElementSibling.querySelector("[data-reads=quote]");
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-supports]");
    if (!link) return;
    event.preventDefault();
    const quote = blankQuote();
    if (!quote.value.trim()) sibling(quote, "field").value = link.dataset.supports;
    quote.focus();
  });

  // Spanish names of the rich text editor's buttons

  const NAMES = {
    "paragraph": "párrafo",
    "heading 2": "título",
    "heading 3": "subtítulo",
    "unordered list": "lista",
    "ordered list": "lista numerada",
    "blockquote": "cita",
    "bold": "negritas",
    "italic": "cursivas",
    "insert link": "poner enlace",
    "edit link": "cambiar enlace",
    "remove link": "quitar enlace",
    "undo": "deshacer",
    "redo": "rehacer",
    "insert hard break": "salto de renglón",
  };

  function translate(editor) {
    const label = document.querySelector(`label[for="${editor.querySelector("textarea")?.id}"]`);
    editor.querySelector("[contenteditable]")?.setAttribute("aria-label", label?.firstChild.textContent.trim() ?? "Texto");
    for (const button of editor.querySelectorAll(".prose-menubar button")) {
      const text = button.querySelector("h2, h3, p");
      const name = NAMES[(button.title || text?.textContent || "").toLowerCase()];
      if (!name) continue;
      if (button.title) button.title = button.ariaLabel = name;
      if (text) text.textContent = name;
    }
  }

  const translateAll = () => document.querySelectorAll(".prose-editor").forEach(translate);
  new MutationObserver(translateAll).observe(document, {
    childList: true,
    subtree: true,
    attributeFilter: ["contenteditable"], // set after the editor is inserted
  });
  document.addEventListener("prose-editor:ready", translateAll);
  translateAll();

  // Django's admin focuses the first field on load; this moves the focus to the message above the form.
  addEventListener("load", () => {
    setTimeout(() => document.querySelector(".problems, .checked")?.focus(), 0);
  });
})();
