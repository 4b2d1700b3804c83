/* Lists the changed fields of a form, and asks before the page is left with unsaved changes. */
"use strict";

(() => {
  const output = document.getElementById("unsaved");
  const form = output?.closest("form");
  if (!form) return;
  const changed = new Set();
  let sending = false;
  // A form with errors, or one that was only checked, is not saved.
  const unsaved = document.querySelector(".problems, .checked") !== null;
  if (unsaved) output.textContent = "Nada de esto está guardado todavía.";

  const nameOf = (field) =>
    (field.labels?.[0] ?? field.closest(".form-row, fieldset")?.querySelector("label, legend, h2"))
      ?.textContent.replace(":", "").trim();

  function note({ target }) {
    if (target.type === "hidden" || !(target.name || target.isContentEditable)) return;
    changed.add(nameOf(target) || "otros campos");
    output.textContent = `Cambios sin guardar: ${[...changed].join("; ")}. Si cierra esta página, se le preguntará antes.`;
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
