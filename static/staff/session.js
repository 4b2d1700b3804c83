/* Says ten minutes before that the session ends, and puts the end off. */

const notice = document.getElementById("session-end");
const minutes = (end) => (end - Date.now()) / 60000;

function announce(end) {
  notice.querySelector("b").textContent = clock(end);
  notice.hidden = minutes(end) > 10;
  if (notice.hidden) setTimeout(announce, (minutes(end) - 10) * 60000, end);
}

notice.querySelector("button").addEventListener("click", async () => {
  const end = new Date(await answer(notice.dataset.renew));
  if (minutes(end) > 0) announce(end);
});
announce(new Date(notice.dataset.ends));
