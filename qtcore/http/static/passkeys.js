// Passkeys: sign what the sheet shows, or make a new key. Without them the password does.
const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");
const known = (list) => (list ?? []).map((each) => ({ ...each, id: bytes(each.id) }));

async function ask(options) {
  const challenge = bytes(options.challenge);
  if (options.rp) {
    const user = { ...options.user, id: bytes(options.user.id) };
    const excludeCredentials = known(options.excludeCredentials);
    const publicKey = { ...options, challenge, user, excludeCredentials };
    const made = await navigator.credentials.create({ publicKey });
    return { made, response: { attestationObject: text(made.response.attestationObject) } };
  }
  const publicKey = { ...options, challenge, allowCredentials: known(options.allowCredentials) };
  const made = await navigator.credentials.get({ publicKey });
  const { authenticatorData, signature, userHandle } = made.response;
  return {
    made,
    response: {
      authenticatorData: text(authenticatorData),
      signature: text(signature),
      userHandle: userHandle ? text(userHandle) : null,
    },
  };
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const button = form.querySelector("[data-passkey-button]");
  const status = form.querySelector("[data-passkey-status]");
  if (!button || !window.PublicKeyCredential) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    status.textContent = status.dataset.wait;
    try {
      const { made, response } = await ask(JSON.parse(form.dataset.passkey));
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = "passkey";
      field.value = JSON.stringify({
        id: made.id,
        rawId: text(made.rawId),
        type: made.type,
        response: { clientDataJSON: text(made.response.clientDataJSON), ...response },
      });
      form.append(field);
      form.submit();
    } catch {
      button.disabled = false;
      status.textContent = status.dataset.failed;
    }
  });
}
