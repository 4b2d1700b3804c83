/* Functions of several scripts, and the copies of unsaved forms in this tab, deleted on saving and logging out. */

const clock = (moment) => moment.toLocaleTimeString(document.documentElement.lang, { timeStyle: "short", hourCycle: "h23" });

// The text of the answer, or null without one: the session may have ended.
async function answer(url, options) {
  const response = await fetch(url, options).catch(() => null);
  return response?.ok && !response.redirected ? response.text() : null;
}

// The answer to the URL of a field, or undefined if the field changes meanwhile.
async function answerToTyping(url) {
  const asked = url();
  await new Promise((resolve) => { setTimeout(resolve, 300); });
  const text = asked === url() ? await answer(asked) : null;
  return asked === url() ? text : undefined;
}

// The copies, by the address of their form

const { user } = document.currentScript.dataset;
const readCopies = () => JSON.parse(sessionStorage.unsaved ?? "{}");
const writeCopies = (copies) => { sessionStorage.unsaved = JSON.stringify(copies); };

// The first page after a form was sent shows whether it was saved.
if (user) {
  const saved = document.querySelector(".notice.good");
  const copies = readCopies();
  for (const [page, copy] of Object.entries(copies)) {
    if (copy.user !== user || (copy.sent && saved)) delete copies[page];
    else copy.sent = false;
  }
  writeCopies(copies);
}
document.getElementById("logout-form")?.addEventListener("submit", () => writeCopies({}));
