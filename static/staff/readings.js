/* Updates the readings of dates and quotes while they are typed, translates the rich text editor's
   buttons into Spanish, leads to the form of a new citation, and moves the focus to the message above a form that was not saved. The forms
   work without this script: the button «Comprobar fechas y citas» gives the same readings. */
"use strict";

(() => {
  const { dates, quotes } = document.currentScript.dataset;
  const PAUSE = 300; // milliseconds after the last key

  // Readings

  const sourceOf = (field) =>
    document.getElementById(field.id.replace(/exact$/, "source"))?.value ?? "";

  const address = (field) =>
    field.dataset.reads === "date"
      ? `${dates}?${new URLSearchParams({ texto: field.value })}`
      : `${quotes}?${new URLSearchParams({ fuente: sourceOf(field), palabras: field.value })}`;

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
    clearTimeout(timers.get(field));
    timers.set(field, setTimeout(read, PAUSE, field));
  }

  document.addEventListener("input", ({ target }) => {
    if (target.dataset?.reads) readSoon(target);
  });

  document.addEventListener("change", ({ target }) => {
    const quote = /source$/.test(target.id)
      && document.getElementById(target.id.replace(/source$/, "exact"));
    if (quote?.dataset?.reads) readSoon(quote);
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
      const field = output.parentElement.querySelector("[data-reads]");
      if (field) output.setAttribute("for", field.id);
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
    const quotes = [...fold.querySelectorAll("[data-reads=quote]")];
    const blank = quotes.find(({ value }) => !value.trim());
    if (blank || Number(total.value) >= Number(most)) return blank ?? quotes.at(-1);
    template.insertAdjacentHTML("beforebegin", template.innerHTML.replaceAll("__prefix__", total.value));
    total.value = Number(total.value) + 1;
    return template.previousElementSibling.querySelector("[data-reads=quote]");
  }

  document.addEventListener("click", (event) => {
    const supports = event.target.closest?.("[data-supports]")?.dataset.supports;
    if (supports === undefined) return;
    event.preventDefault();
    const quote = blankQuote();
    const field = document.getElementById(quote.id.replace(/exact$/, "field"));
    if (!quote.value.trim()) field.value = supports;
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
    "insert horizontal rule": "línea",
    "toggle fullscreen": "pantalla completa",
    "edit html": "editar HTML",
  };

  function translate(editor) {
    const area = editor.querySelector("textarea");
    const label = document.querySelector(`label[for="${area?.id}"]`);
    editor.querySelector("[contenteditable]")?.setAttribute("aria-label", (label?.textContent ?? "Texto").replace(":", ""));
    for (const button of editor.querySelectorAll(".prose-menubar button")) {
      const text = button.querySelector("h2, h3, p");
      const name = NAMES[(button.title || text?.textContent || "").toLowerCase()];
      if (!name) continue;
      if (button.title) {
        button.title = name;
        button.setAttribute("aria-label", name);
      }
      if (text) text.textContent = name;
    }
  }

  new MutationObserver((changes) => {
    for (const { target, addedNodes } of changes) {
      const editor = target.closest?.(".prose-editor");
      if (editor) translate(editor);
      for (const node of addedNodes) {
        node.querySelectorAll?.(".prose-editor").forEach(translate);
      }
    }
  }).observe(document, {
    childList: true,
    subtree: true,
    attributeFilter: ["contenteditable"], // set after the editor is inserted
  });

  document.addEventListener("prose-editor:ready", ({ target }) => {
    const editor = target.closest(".prose-editor");
    if (editor) translate(editor);
  });

  document.querySelectorAll(".prose-editor").forEach(translate); // editors that were ready before this script

  // Django's admin focuses the first field on load; this moves the focus to the message above the form.
  addEventListener("load", () => {
    setTimeout(() => document.querySelector(".problems, .checked")?.focus(), 0);
  });
})();
