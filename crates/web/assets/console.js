"use strict";

// Times, numbers, forms that must be sent once, and the focus after errors. Every page works
// without this script.
(() => {
  const instants = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const dates = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });

  // Shows instants in the zone of the browser, and dates and numbers in its language.
  function localize(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const text = time.getAttribute("datetime");
      const date = new Date(text);
      if (!Number.isNaN(date.getTime())) {
        time.textContent = (text.length === 10 ? dates : instants).format(date);
      }
    }
    for (const data of root.querySelectorAll("data.number")) {
      const fraction = (data.value.split(".")[1] ?? "").length;
      const format = new Intl.NumberFormat(undefined, { minimumFractionDigits: fraction });
      data.textContent = format.format(data.value);
    }
  }

  // Ignores the second click on the button of a form that changes something.
  function sendOnce(event) {
    const form = event.target;
    if (form.method !== "post") {
      return;
    }
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "true";
  }

  // Copies the value of a control, or selects it where the browser does not allow copying.
  async function copy(button) {
    const control = document.getElementById(button.dataset.copy);
    const status = document.getElementById(`${button.dataset.copy}-copied`);
    control.select();
    try {
      await navigator.clipboard.writeText(control.value);
      status.textContent = button.dataset.copied;
    } catch {
      status.textContent = button.dataset.notCopied;
    }
  }

  function offerCopies(root) {
    for (const button of root.querySelectorAll("button[data-copy]")) {
      button.hidden = false;
      button.addEventListener("click", () => copy(button));
    }
  }

  function focusError(root) {
    root.querySelector("[data-focus]")?.focus();
  }

  document.addEventListener("submit", sendOnce);
  // A page from the back/forward cache can send its forms again.
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
    }
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    localize(event.target);
  });
  localize(document);
  offerCopies(document);
  focusError(document);
})();
