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

  // Import: sends each step with its progress, and keeps the file for the next one. The former steps
  // stay in memory for the back button.
  let keptFile = null;
  const steps = [];

  function putKeptFile(root) {
    const field = root.querySelector("[data-kept-file]");
    if (keptFile && field) {
      const transfer = new DataTransfer();
      transfer.items.add(keptFile);
      field.querySelector("input").files = transfer.files;
      field.hidden = true;
    }
  }

  function showProgress(form, part, text) {
    const progress = form.querySelector("[data-upload-progress]");
    const status = progress.querySelector("[role=status]");
    progress.hidden = false;
    const bar = progress.querySelector("progress");
    if (part === null) {
      bar.removeAttribute("value");
    } else {
      bar.value = part * 100;
    }
    if (status.textContent !== status.dataset[text]) {
      status.textContent = status.dataset[text];
    }
  }

  function showStep(nodes, title) {
    const main = document.querySelector("main");
    main.replaceChildren(...nodes);
    document.title = title;
    for (const progress of main.querySelectorAll("[data-upload-progress]")) {
      progress.hidden = true;
    }
    for (const form of main.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
    }
    window.scrollTo(0, 0);
    (main.querySelector("[data-focus]") ?? main).focus();
  }

  function receiveStep(request, form) {
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    const main = page.querySelector("main");
    if (!main) {
      showProgress(form, 0, "failed");
      delete form.dataset.sent;
      return;
    }
    const step = history.state?.step ?? 0;
    steps[step] = { nodes: [...document.querySelector("main").childNodes], title: document.title };
    localize(main);
    putKeptFile(main);
    steps.length = step + 1;
    steps.push({ nodes: [...main.childNodes], title: page.title });
    history.replaceState({ step }, "");
    history.pushState({ step: step + 1 }, "");
    showStep(steps[step + 1].nodes, page.title);
  }

  function sendStep(event) {
    const form = event.target;
    const submitter = event.submitter;
    if (event.defaultPrevented || !form.matches("[data-import]")) {
      return;
    }
    const chosen = form.querySelector("input[name=file]")?.files[0];
    keptFile = chosen ?? keptFile;
    if (submitter?.hasAttribute("data-download")) {
      return;
    }
    event.preventDefault();
    const data = new FormData(form, submitter);
    data.set("keeps_file", "true");
    if (keptFile && !chosen) {
      data.delete("content");
      data.set("file", keptFile, keptFile.name);
    }
    const request = new XMLHttpRequest();
    request.upload.addEventListener("progress", (sent) => {
      const isDone = sent.loaded === sent.total;
      showProgress(form, isDone ? null : sent.loaded / sent.total, isDone ? "checking" : "uploading");
    });
    request.addEventListener("load", () => {
      const target = new URL(request.responseURL);
      if (target.pathname.startsWith("/ui/import/results/") || target.pathname === "/ui/sign-in") {
        // The server redirected: the result has an address of its own.
        location.assign(target);
      } else {
        receiveStep(request, form);
      }
    });
    request.addEventListener("error", () => {
      showProgress(form, 0, "failed");
      delete form.dataset.sent;
    });
    showProgress(form, 0, "uploading");
    request.open("POST", submitter?.getAttribute("formaction") ?? form.getAttribute("action"));
    request.send(data);
  }

  function highlightDrop(event) {
    for (const zone of document.querySelectorAll("[data-drop-zone]")) {
      const isOver = event.type === "dragover" && zone.contains(event.target);
      zone.classList.toggle("dragging", isOver);
    }
  }

  for (const type of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(type, highlightDrop);
  }
  window.addEventListener("popstate", (event) => {
    const step = steps[event.state?.step ?? 0];
    if (step) {
      showStep(step.nodes, step.title);
    }
  });
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

  // Tells that a live search failed. The former results cannot be used: they do not belong to the
  // text of the search any more. The next response replaces all of this.
  function showNotUpdated(event) {
    const target = event.detail.target;
    const message = document.createElement("p");
    message.className = "callout danger";
    message.setAttribute("role", "alert");
    message.dataset.notUpdated = "";
    message.textContent = document.getElementById("content").dataset.notUpdated;
    target.querySelector(":scope > [data-not-updated]")?.remove();
    for (const part of target.children) {
      part.inert = true;
    }
    target.prepend(message);
    document.getElementById("count")?.replaceChildren();
  }

  for (const type of ["htmx:responseError", "htmx:sendError"]) {
    document.addEventListener(type, showNotUpdated);
  }
  document.addEventListener("submit", sendOnce);
  document.addEventListener("submit", sendStep);
  // A page from the back/forward cache can send its forms again.
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
    }
  });
  document.addEventListener("htmx:afterSwap", () => {
    localize(document);
    prepareSelection(document);
  });
  localize(document);
  offerCopies(document);
  prepareSelection(document);
  focusError(document);
})();
