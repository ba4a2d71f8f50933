"use strict";

// Enhances the pages, each of which also works without this script.
(() => {
  // Time after which a form can be sent again. A browser does not report a navigation that was
  // stopped, and the server carries out a repeated form once.
  const RESEND_MS = 10_000;

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
    for (const count of root.querySelectorAll(".count")) {
      for (const node of count.childNodes) {
        if (node.nodeType === Node.TEXT_NODE) {
          node.data = node.data.replace(/\d{1,3}(?:,\d{3})+/g, (grouped) =>
            new Intl.NumberFormat().format(grouped.replaceAll(",", "")),
          );
        }
      }
    }
  }

  // Ignores the second click on the button of a form that changes something.
  function sendOnce(event) {
    const form = event.target;
    // A download leaves the page as it is.
    const leaves = form.method === "post" && !event.submitter?.hasAttribute("data-download");
    if (!leaves || "repeatable" in form.dataset) {
      return;
    }
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "true";
    setTimeout(() => allowSending(form), RESEND_MS);
  }

  function allowSending(form) {
    delete form.dataset.sent;
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

  // Selects all rows of a table with the box in its header, and shows how many are selected.
  function prepareSelection(root) {
    for (const all of root.querySelectorAll("[data-select-all]")) {
      const form = all.form;
      const boxes = [...form.querySelectorAll("tbody input[type=checkbox]")];
      const shown = form.querySelector("[data-selected]");
      const update = () => {
        const count = boxes.filter((box) => box.checked).length;
        all.checked = count > 0 && count === boxes.length;
        all.indeterminate = count > 0 && !all.checked;
        shown.hidden = count === 0;
        shown.querySelector("output").textContent = count;
      };
      all.hidden = false;
      all.addEventListener("change", () => {
        for (const box of boxes) {
          box.checked = all.checked;
        }
        update();
      });
      form.querySelector("tbody").addEventListener("change", update);
      // The browser restores checked boxes when it goes back.
      update();
    }
  }

  // Skips an update that would take the focus or the selection away. The next one is due soon.
  function skipDisturbingUpdate(event) {
    const target = event.detail.target;
    const selection = getSelection();
    const isUsed =
      target.contains(document.activeElement) ||
      (!selection.isCollapsed && selection.containsNode(target, true));
    if (target.hasAttribute("data-live") && isUsed) {
      event.preventDefault();
    }
  }

  // Tells that a live search or an update failed. The next response replaces all of this.
  function showNotUpdated(event) {
    const target = event.detail.target;
    if (target.querySelector(":scope > [data-not-updated]")) {
      return;
    }
    const message = document.createElement("p");
    message.className = "callout danger";
    message.setAttribute("role", "alert");
    message.dataset.notUpdated = "";
    message.textContent = document.getElementById("content").dataset.notUpdated;
    // Former results of a search cannot be used: they do not belong to its text any more.
    if (!target.hasAttribute("data-live")) {
      for (const part of target.children) {
        part.inert = true;
      }
      document.getElementById("count")?.replaceChildren();
    }
    target.prepend(message);
  }

  function enhance() {
    localize(document);
    prepareSelection(document);
  }

  document.addEventListener("submit", sendOnce);
  // A page from the back/forward cache can send its forms again.
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach(allowSending);
  });
  document.addEventListener("htmx:beforeRequest", skipDisturbingUpdate);
  for (const type of ["htmx:responseError", "htmx:sendError"]) {
    document.addEventListener(type, showNotUpdated);
  }
  for (const type of ["htmx:afterSwap", "import:step"]) {
    document.addEventListener(type, enhance);
  }
  enhance();
  offerCopies(document);
  focusError(document);
})();
