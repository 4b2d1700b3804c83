/* Sends what is pasted into the rich text editor to the server, which tidies it and says what was left
   out. Without this script, the server tidies it on saving. */
"use strict";

(() => {
  const { address } = document.currentScript.dataset;

  async function tidied(html, form) {
    const body = new URLSearchParams({ html: html.replace(/data:[^"')\s]+/g, "") }); // images
    const headers = { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value };
    const response = await fetch(address, { method: "POST", body, headers }).catch(() => null);
    if (response?.ok && !response.redirected) return response.json();
    return { html, words: "No se pudo revisar lo pegado; se revisará al guardar." };
  }

  document.addEventListener("paste", async (event) => {
    const area = event.target.closest?.(".prose-editor");
    const { editor } = area?.querySelector(".tiptap") ?? {};
    const html = event.clipboardData.getData("text/html");
    if (!editor || !html || html.includes("data-pm-slice")) return; // a slice of an editor
    event.preventDefault();
    event.stopPropagation();
    let status = area.nextElementSibling;
    if (!status?.matches("[role=status]")) {
      area.insertAdjacentHTML("afterend", '<p class="help" role="status"></p>');
      status = area.nextElementSibling;
    }
    const pasted = await tidied(html, area.closest("form"));
    editor.view.pasteHTML(pasted.html);
    status.textContent = pasted.words;
  }, true);
})();
