/* Offers keys where the browser can use them, and says so when none was used. django-allauth's scripts
   talk to the key. */

const form = document.querySelector("[data-passkey]");

if (form && window.PublicKeyCredential) {
  const ids = { credential: "id_credential", passwordless: "id_passwordless", data: "js_data" };
  for (const act of ["login", "add", "authenticate"]) ids[act] = "passkey";
  document.getElementById("passkey").addEventListener("click", (event) => event.preventDefault());
  allauth.webauthn.forms[form.dataset.passkey]({ ids });
  form.hidden = false;
  document.querySelector("[data-without-passkey]")?.remove();
  document.addEventListener("allauth.error", (event) => {
    event.preventDefault();
    form.querySelector("[role=alert][hidden]").hidden = false;
  });
}
