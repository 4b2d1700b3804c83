/* Says which fields of a form are not saved yet, and asks before leaving it. Nothing needs it. */
"use strict";

(() => {
  const told = document.getElementById("unsaved");
  const form = told?.closest("form");
  if (!form) return;
  const changed = new Set();
  let sending = false;
  // What an errors' page or a check holds was never saved.
  const unsaved = document.querySelector(".problems, .checked") !== null;
  if (unsaved) told.textContent = "Nada de esto está guardado todavía.";

  const nameOf = (field) =>
    (field.labels?.[0] ?? field.closest(".form-row, fieldset")?.querySelector("label, legend, h2"))
      ?.textContent.replace(":", "").trim();

  function note({ target }) {
    if (target.type === "hidden" || !(target.name || target.isContentEditable)) return;
    changed.add(nameOf(target) || "otros campos");
    told.textContent = `Cambios sin guardar: ${[...changed].join("; ")}. Si cierra esta página, se le preguntará antes.`;
  }

  form.addEventListener("input", note);
  form.addEventListener("change", note);
  document.addEventListener("formset:removed", note);
  globalThis.django?.jQuery?.(form).on("select2:select select2:unselect", note);
  form.addEventListener("submit", () => { sending = true; });
  addEventListener("pageshow", () => { sending = false; });
  addEventListener("beforeunload", (event) => {
    if (!sending && (unsaved || changed.size)) event.preventDefault();
  });
})();
