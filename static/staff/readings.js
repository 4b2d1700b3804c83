/* Updates the readings of dates and quotes while they are typed, opens the form of a new citation, and
   names the rich text editor's buttons in Spanish. */

const addresses = document.querySelector("script[data-quote]").dataset;

// Readings, each after its field

const sibling = (field, name) => document.getElementById(field.id.replace(/(exact|source)?$/, name));

async function read(field) {
  const typed = () => new URLSearchParams({ texto: field.value, fuente: sibling(field, "source")?.value ?? "" });
  const text = await answerToTyping(() => `${addresses[field.dataset.reads]}?${typed()}`);
  const reading = field.nextElementSibling;
  if (text) reading.innerHTML = text;
  else if (text === null) reading.textContent = "No se pudo comprobar; guarde o pulse «Comprobar fechas y citas».";
}

document.addEventListener("input", ({ target }) => {
  const field = /source$/.test(target.id) ? sibling(target, "exact") : target;
  if (field?.dataset.reads) read(field);
});

document.addEventListener("click", ({ target }) => {
  if (!target.dataset.use) return;
  const reading = target.closest(".reading");
  const field = reading.previousElementSibling;
  field.value = target.dataset.use;
  field.focus();
  if (field.dataset.reads) read(field);
  else reading.textContent = "";
});

// The link to another citation of a field: the blank form, or a new one

function blankQuote() {
  const fold = document.querySelector("#citations-group > details");
  const template = fold.querySelector("template");
  const total = document.getElementById("id_citations-TOTAL_FORMS");
  fold.open = true;
  const blank = [...fold.querySelectorAll("[data-reads=quote]")].find(({ value }) => !value.trim());
  if (blank) return blank;
  template.insertAdjacentHTML("beforebegin", template.innerHTML.replaceAll("__prefix__", total.value));
  total.value = Number(total.value) + 1;
  total.autocomplete = "off"; // a reload does not keep it
  return template.previousElementSibling.querySelector("[data-reads=quote]");
}

document.addEventListener("click", (event) => {
  const { supports } = event.target.dataset;
  if (supports === undefined) return;
  event.preventDefault();
  const quote = blankQuote();
  sibling(quote, "field").value = supports;
  quote.focus();
});

// The rich text editor, whose library neither labels the text nor translates the names of the buttons

function translate() {
  for (const text of document.querySelectorAll(".prose-editor [contenteditable]")) {
    text.ariaLabel = text.closest("[data-label]").dataset.label;
  }
  for (const button of document.querySelectorAll(".prose-menubar button")) {
    const text = button.querySelector("h2, h3, p");
    const english = (button.title || text?.textContent || "").toLowerCase();
    const name = gettext(english);
    if (name === english) continue;
    if (button.title) button.title = button.ariaLabel = name;
    if (text) text.textContent = name;
  }
}

new MutationObserver(translate).observe(document, {
  childList: true,
  subtree: true,
  attributeFilter: ["contenteditable"], // set after the editor is inserted
});
translate();
