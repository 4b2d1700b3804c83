/* Lists the changed fields of a form, keeps a copy of it, offers an earlier copy, and asks before the page is
   left with unsaved changes. */

const [sentence, backup] = document.getElementById("unsaved").children;
const form = sentence.closest("form");
const page = location.pathname + location.search;
const changed = new Set();
let timer;
// A form with errors, or a form that was only checked.
const unsaved = sentence.textContent !== "";

function keep(sent = false) {
  clearTimeout(timer);
  const fields = [...new FormData(form)]
    .filter(([name, value]) => typeof value === "string" && name !== "csrfmiddlewaretoken");
  const time = clock(new Date());
  if (changed.size) {
    sentence.innerHTML = "Cambios sin guardar: <strong></strong>.";
    sentence.firstElementChild.textContent = [...changed].join(", ");
  }
  try {
    writeCopies({ ...readCopies(), [page]: { user, sent, fields, time } });
    backup.textContent = `Respaldado en este equipo a las ${time}.`;
  } catch {
    backup.textContent = ""; // no room for a copy
  }
}

function note({ target }) {
  if (!target.name && !target.isContentEditable) return;
  changed.add(target.closest("[data-label]")?.dataset.label ?? "otros campos");
  clearTimeout(timer);
  timer = setTimeout(keep, 500);
}

// The server fills the form, with its texts and relations, from a copy that is sent to be checked.
function bringBack({ fields }) {
  const inputs = [...fields, ["_check", ""]].map(([name, value]) =>
    Object.assign(document.createElement("textarea"), { name, value, hidden: true }));
  form.replaceChildren(form.elements.csrfmiddlewaretoken, ...inputs);
  form.requestSubmit();
}

const copy = readCopies()[page];
if (unsaved) {
  keep();
} else if (copy) {
  const offer = document.getElementById("unsaved-copy");
  const [accept, discard] = offer.querySelectorAll("button");
  offer.querySelector("b").textContent = copy.time;
  offer.hidden = false;
  accept.addEventListener("click", () => bringBack(copy));
  discard.addEventListener("click", () => {
    writeCopies({ ...readCopies(), [page]: undefined });
    offer.hidden = true;
  });
}

function ask(event) {
  if (unsaved || changed.size) event.preventDefault();
}

form.addEventListener("input", note);
form.addEventListener("change", note);
form.addEventListener("submit", () => {
  removeEventListener("beforeunload", ask);
  if (unsaved || changed.size) keep(true);
});
addEventListener("pageshow", () => addEventListener("beforeunload", ask));
