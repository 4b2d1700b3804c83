/* Says ten minutes before that the session ends, and puts the end off. */
"use strict";

(() => {
  const notice = document.getElementById("session-end");
  const minutes = (end) => (end - Date.now()) / 60000;

  function announce(end) {
    notice.querySelector("b").textContent = end.toLocaleTimeString("es-MX", { hour: "numeric", minute: "2-digit", hour12: false });
    notice.hidden = minutes(end) > 10;
    if (notice.hidden) setTimeout(announce, (minutes(end) - 10) * 60000, end);
  }

  notice.querySelector("button").addEventListener("click", async () => {
    const end = new Date(await (await fetch(notice.dataset.renew)).text());
    if (minutes(end) > 0) announce(end);
  });
  announce(new Date(notice.dataset.ends));
})();
