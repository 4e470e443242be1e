"use strict";
// A form with data-passkey ("create" or "get") asks the browser for a passkey when it is sent, by the
// options in data-options, and goes on as an ordinary form. Without passkeys it stays hidden.
const able =
  typeof PublicKeyCredential === "function" && "parseCreationOptionsFromJSON" in PublicKeyCredential;

async function answer(form) {
  const options = JSON.parse(form.dataset.options);
  if (form.dataset.passkey === "create") {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    return navigator.credentials.create({ publicKey });
  }
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return navigator.credentials.get({ publicKey });
}

for (const form of able ? document.querySelectorAll("form[data-passkey]") : []) {
  const trouble = form.querySelector("[data-trouble]");
  form.hidden = false;
  document.querySelector("[data-without]").hidden = true;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    trouble.hidden = true;
    try {
      form.elements.credential.value = JSON.stringify(await answer(form));
      form.submit();
    } catch (error) {
      trouble.dataset.trouble = error.name;
      trouble.hidden = false;
    }
  });
}
