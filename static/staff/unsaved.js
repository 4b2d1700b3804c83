/* Lists the changed fields of a form, keeps a copy of it in this tab, and asks before the page is left
   with unsaved changes. The copy is deleted on saving and on logging out. */
"use strict";

(() => {
  const { user } = document.currentScript.dataset;
  const PREFIX = "unsaved:";
  const PAUSE = 500; // milliseconds after the last key

  const read = (name) => JSON.parse(sessionStorage.getItem(name));
  const write = (name, copy) => sessionStorage.setItem(name, JSON.stringify(copy));
  const forget = (name) => sessionStorage.removeItem(name);
  const names = Object.keys(sessionStorage).filter((name) => name.startsWith(PREFIX));

  // The first page after a form was sent shows whether it was saved.
  const saved = document.querySelector(".notice.good");
  for (const name of user ? names : []) {
    const copy = read(name);
    if (copy.user !== user || (copy.sent && saved)) forget(name);
    else write(name, { ...copy, sent: false });
  }

  const output = document.getElementById("unsaved");
  const form = output?.closest("form");
  const key = PREFIX + location.pathname + location.search;
  document.getElementById("logout-form")?.addEventListener("submit", () => [...names, key].forEach(forget));
  if (!form) return;
  const changed = new Set();
  let time;
  let timer;
  let sending = false;
  // A form with errors, or one that was only checked, is not saved.
  const unsaved = document.querySelector(".problems, .checked") !== null;

  function keep(sent = false) {
    clearTimeout(timer);
    const fields = [...new FormData(form)]
      .filter(([name, value]) => typeof value === "string" && name !== "csrfmiddlewaretoken");
    time = new Date().toLocaleTimeString("es-MX", { hour: "numeric", minute: "2-digit", hour12: false });
    try {
      write(key, { user, sent, fields, time });
    } catch {
      time = ""; // no room for a copy
    }
    const list = document.createElement("strong");
    list.textContent = [...changed].join(", ");
    output.replaceChildren(...(changed.size ? ["Cambios sin guardar: ", list, "."] : ["Nada de esto está guardado todavía."]));
    if (time) output.append(` Respaldado en este equipo a las ${time}.`);
  }

  function nameOf(field) {
    const number = field.closest(".proof")?.querySelector(".number");
    const row = field.closest(".form-row, fieldset");
    const label = row?.querySelector(":scope > :is(label, .label, legend, h2)");
    return number ? `Cita ${number.textContent}` : label?.firstChild.textContent.trim() ?? "otros campos";
  }

  function note({ target }) {
    if (target.type === "hidden" || !(target.name || target.isContentEditable)) return;
    changed.add(nameOf(target));
    clearTimeout(timer);
    timer = setTimeout(keep, PAUSE);
  }

  // The server fills the form, with its texts and relations, from a copy that is sent to be checked.
  function bringBack({ fields }) {
    const inputs = [...fields, ["_check", ""]].map(([name, value]) =>
      Object.assign(document.createElement("textarea"), { name, value, hidden: true }));
    form.replaceChildren(form.elements.csrfmiddlewaretoken, ...inputs);
    sending = true;
    form.submit();
  }

  const copy = read(key);
  if (unsaved) {
    keep();
  } else if (copy) {
    const notice = document.createElement("div");
    notice.className = "notice buttons";
    notice.innerHTML = `Lo que escribió aquí a las ${copy.time} quedó sin guardar.
      <button type="button" class="button">Recuperarlo</button> <button type="button" class="button">Descartarlo</button>`;
    notice.addEventListener("click", ({ target }) => {
      if (target === notice.lastChild) { forget(key); notice.remove(); } else if (target !== notice) bringBack(copy);
    });
    form.prepend(notice);
  }

  form.addEventListener("input", note);
  form.addEventListener("change", note);
  document.addEventListener("formset:removed", note);
  form.addEventListener("submit", () => {
    sending = true;
    if (unsaved || changed.size) keep(true);
  });
  addEventListener("pageshow", () => { sending = false; });
  addEventListener("beforeunload", (event) => {
    if (!sending && (unsaved || changed.size)) event.preventDefault();
  });
})();
