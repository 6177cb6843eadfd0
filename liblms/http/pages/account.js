'use strict';

// The token stands behind the # of the link, which browsers send to nobody.
const token = new URLSearchParams(location.hash.slice(1)).get('token');
history.replaceState(null, '', location.pathname);

const api = document.body.dataset.api;
const said = document.getElementById('said');
const verifies = location.pathname.replace(/\/$/, '').endsWith('/verify-email');
const section = document.getElementById(verifies ? 'verify' : 'password');
const form = section.querySelector('form');
const field = document.getElementById('new-password');

function say(text, wrong) {
  said.textContent = text;
  said.className = wrong ? 'wrong' : '';
  said.hidden = false;
}

// The first fault of a body, whatever format its errors have.
function firstFault(body) {
  const faults = Array.isArray(body.detail) ? body.detail : body.details ?? body.errors ?? [];
  if (!Array.isArray(faults)) {  // flat: texts by field
    const [field, texts] = Object.entries(faults)[0] ?? [];
    return {field, text: texts?.[0]};
  }
  const fault = faults[0] ?? {};
  return {field: fault.field ?? fault.loc?.at(-1), text: fault.msg ?? fault.message ?? fault.detail};
}

// What is wrong, in the words of the API.
function explanation(body) {
  const {field, text} = firstFault(body);
  if (text) return `${field === 'token' ? 'The link' : 'The password'} ${text}.`;
  return typeof body.detail === 'string' ? body.detail : body.message ?? body.error ?? 'That did not work; try again later.';
}

async function send(event) {
  event.preventDefault();
  const button = form.querySelector('button');
  button.disabled = true;
  try {
    const answer = await fetch(`${api}/auth/${verifies ? 'verify-email' : 'reset-password'}`, {
      method: 'POST',
      headers: {'Content-Type': 'application/json'},
      body: JSON.stringify(verifies ? {token} : {token, new_password: field.value}),
    });
    if (!answer.ok) return say(explanation(await answer.json()), true);
    form.hidden = true;
    say(verifies ? 'Thank you, the address is confirmed. You can close this page.'
                 : 'The password is saved. Sign in with it now.', false);
  } catch {
    say('The school cannot be reached; try again in a moment.', true);
  } finally {
    button.disabled = false;
  }
}

document.getElementById('show').addEventListener('change', event => {
  field.type = event.target.checked ? 'text' : 'password';
});
form.addEventListener('submit', send);
if (token) section.hidden = false;
else say('This link is not complete. Open it from the mail, or copy all of it.', true);
