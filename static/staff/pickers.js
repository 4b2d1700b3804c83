/* Offers the records of a picker while one types a name. Without this script, the server finds the
   names when the form is saved. */

const FIELD = ".picker [name$=_typed]";

const start = (field) => ("many" in field.closest(".picker").dataset ? field.value.search(/[^;\n]*$/) : 0);

function offer(picker, name, results) {
  picker.querySelector(".offers").replaceChildren(...results.map(({ id, text, also }) => {
    const [item, label, tick] = ["li", "label", "input"].map((tag) => document.createElement(tag));
    Object.assign(tick, { type: "checkbox", name, value: id });
    label.append(tick, also ? `${text}, también llamada «${also}»` : text);
    item.append(label);
    return item;
  }));
}

async function look(field) {
  const picker = field.closest(".picker");
  const status = picker.querySelector("[role=status]");
  const words = () => field.value.slice(start(field)).trim();
  const url = () => `${picker.dataset.address}&${new URLSearchParams({ term: words() })}`;
  const text = words() ? await answerToTyping(url) : '{"results": []}';
  if (text === undefined) return;
  const { results } = JSON.parse(text) ?? {};
  const offers = results?.filter(({ id }) => !picker.querySelector(`ul [value="${id}"]:checked`)) ?? [];
  offer(picker, field.name.replace("_typed", ""), offers);
  if (!words()) status.textContent = "";
  else if (offers.length) status.textContent = `Entrar marca «${offers[0].text}».`;
  else if (!results) status.textContent = "No se pudo buscar; se buscará al guardar.";
  else status.textContent = results.length ? "Ya está elegido." : "Nada se llama así.";
}

document.addEventListener("input", ({ target }) => {
  if (target.matches(FIELD)) look(target);
});

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (key !== "Enter" || event.isComposing || !target.matches(FIELD) || !target.value.trim()) return;
  event.preventDefault();
  target.closest(".picker").querySelector(".offers input")?.click();
});

// A ticked offer joins the chosen records.
document.addEventListener("change", ({ target }) => {
  const picker = target.closest(".offers")?.closest(".picker");
  if (!picker) return;
  const field = picker.querySelector(FIELD);
  const chosen = picker.querySelector("ul");
  for (const tick of chosen.querySelectorAll("input")) {
    if (!("many" in picker.dataset) || tick.value === target.value) tick.closest("li").remove();
  }
  chosen.append(target.closest("li"));
  field.value = field.value.slice(0, start(field));
  field.focus();
  look(field);
});
