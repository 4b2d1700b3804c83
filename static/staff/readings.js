/* Keeps what dates and quotes are read as up to date while they are written, gives the rich text
   editor its Spanish names, and brings the reader to what was not saved. Nothing needs it: the
   button «Comprobar fechas y citas» gives the same readings without it. */
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
    const asked = address(field);
    const answer = await fetch(asked, { headers: { "X-Requested-With": "fetch" } }).catch(() => null);
    if (asked !== address(field)) return; // more was written meanwhile
    const output = outputOf(field);
    if (answer?.ok && !answer.redirected) output.innerHTML = await answer.text();
    else output.textContent = "No se pudo comprobar; guarde o pulse «Comprobar fechas y citas».";
  }

  const waiting = new WeakMap();

  function readSoon(field) {
    clearTimeout(waiting.get(field));
    waiting.set(field, setTimeout(read, PAUSE, field));
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

  // A new row of a form takes the numbers of its own fields.
  document.addEventListener("formset:added", ({ target }) => {
    for (const output of target.querySelectorAll("output.reading")) {
      const field = output.parentElement.querySelector("[data-reads]");
      if (field) output.setAttribute("for", field.id);
    }
  });

  // The rich text editor names its buttons in English

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

  function inSpanish(editor) {
    const area = editor.querySelector("textarea");
    const label = document.querySelector(`label[for="${area?.id}"]`);
    editor.querySelector("[contenteditable]")?.setAttribute("aria-label", (label?.textContent ?? "Texto").replace(":", ""));
    for (const button of editor.querySelectorAll(".prose-menubar button")) {
      const shown = button.querySelector("h2, h3, p");
      const name = NAMES[(button.title || shown?.textContent || "").toLowerCase()];
      if (!name) continue;
      if (button.title) {
        button.title = name;
        button.setAttribute("aria-label", name);
      }
      if (shown) shown.textContent = name;
    }
  }

  new MutationObserver((changes) => {
    for (const { target, addedNodes } of changes) {
      const editor = target.closest?.(".prose-editor");
      if (editor) inSpanish(editor);
      for (const node of addedNodes) {
        node.querySelectorAll?.(".prose-editor").forEach(inSpanish);
      }
    }
  }).observe(document, {
    childList: true,
    subtree: true,
    attributeFilter: ["contenteditable"], // given after the editor stands on the page
  });

  document.addEventListener("prose-editor:ready", ({ target }) => {
    const editor = target.closest(".prose-editor");
    if (editor) inSpanish(editor);
  });

  // Django moves to the first field; what was not saved comes before it.
  addEventListener("load", () => {
    setTimeout(() => document.querySelector(".problems, .checked")?.focus(), 0);
  });
})();
