"use strict";

// Enhances the import: sends each step with its progress, keeps the file for the next one, and
// keeps the former steps for the back button. Each step also works without this script.
(() => {
  // Time after which the browser has read a blob that it downloads.
  const DOWNLOAD_MS = 60_000;

  const steps = [];
  let step = 0;
  let keptFile = null;
  let request = null;
  let isLeaving = false;

  // Puts a file into a control, or empties it.
  function setFile(input, file) {
    const transfer = new DataTransfer();
    if (file) {
      transfer.items.add(file);
    }
    input.files = transfer.files;
  }

  // Hides the control that asks for the file again, unless there is none.
  function putKeptFile() {
    const field = document.querySelector("[data-kept-file]");
    if (field) {
      setFile(field.querySelector("input"), keptFile);
      field.hidden = keptFile !== null;
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

  function hideProgress(root) {
    for (const progress of root.querySelectorAll("[data-upload-progress]")) {
      progress.hidden = true;
      progress.querySelector("[role=status]").textContent = "";
    }
  }

  function showStep(index) {
    step = index;
    const main = document.querySelector("main");
    main.replaceChildren(...steps[index].nodes);
    document.title = steps[index].title;
    hideProgress(main);
    for (const form of main.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
    }
    putKeptFile();
    document.dispatchEvent(new CustomEvent("import:step"));
    window.scrollTo(0, 0);
    (main.querySelector("[data-focus]") ?? main).focus();
  }

  // Shows an error beside the button: the step keeps the file and the choices.
  function showError(main, form) {
    showProgress(form, 0, "retry");
    const status = form.querySelector("[data-upload-progress] [role=status]");
    status.prepend(`${main.querySelector("h1").textContent}. `);
    status.append(" ", main.querySelector("a[target=_blank]") ?? "");
    delete form.dataset.sent;
  }

  function receiveStep(page, main) {
    const current = document.querySelector("main");
    steps[step] = { nodes: [...current.childNodes], title: document.title };
    steps.length = step + 1;
    steps.push({ nodes: [...main.childNodes], title: page.title });
    history.pushState({ step: step + 1 }, "");
    showStep(step + 1);
  }

  function receivePage(html, isError, form) {
    const page = new DOMParser().parseFromString(html, "text/html");
    const main = page.querySelector("main");
    if (!main) {
      fail(form);
    } else if (isError && !main.querySelector("form[data-import]")) {
      showError(main, form);
    } else {
      receiveStep(page, main);
    }
  }

  function save(blob, disposition) {
    const [, name] = /filename\*=UTF-8''([^;]+)/i.exec(disposition) ?? [];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = decodeURIComponent(name ?? "");
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), DOWNLOAD_MS);
  }

  async function receive(sent, form) {
    const target = new URL(sent.responseURL);
    const disposition = sent.getResponseHeader("Content-Disposition") ?? "";
    if (target.pathname.startsWith("/ui/import/results/") || target.pathname === "/ui/sign-in") {
      // The server redirected: the result has an address of its own.
      isLeaving = true;
      location.assign(target);
    } else if (disposition.startsWith("attachment")) {
      hideProgress(form);
      save(sent.response, disposition);
    } else {
      receivePage(await sent.response.text(), sent.status >= 400, form);
    }
  }

  // Tells why the form was not sent. Browsers do not send a file that has changed since it was
  // chosen, and do not read it either.
  async function fail(form) {
    let text = "failed";
    for (const input of form.querySelectorAll("input[type=file]")) {
      try {
        await input.files[0]?.slice(0, 1).arrayBuffer();
      } catch {
        text = "changed";
        setFile(input, null);
        keptFile = input.name === "file" ? null : keptFile;
      }
    }
    putKeptFile();
    showProgress(form, 0, text);
    delete form.dataset.sent;
  }

  function send(form, action, data) {
    request = new XMLHttpRequest();
    request.responseType = "blob";
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      const isDone = loaded === total;
      showProgress(form, isDone ? null : loaded / total, isDone ? "checking" : "uploading");
    });
    request.addEventListener("load", ({ target }) => receive(target, form));
    request.addEventListener("error", () => fail(form));
    request.addEventListener("loadend", () => {
      request = null;
    });
    showProgress(form, 0, "uploading");
    request.open("POST", action);
    request.send(data);
  }

  function sendStep(event) {
    const { target: form, submitter } = event;
    if (event.defaultPrevented || !form.matches("[data-import]")) {
      return;
    }
    event.preventDefault();
    if (request) {
      return;
    }
    keptFile = form.querySelector("input[name=file]")?.files[0] ?? keptFile;
    const data = new FormData(form, submitter);
    if (keptFile) {
      data.delete("content");
      data.set("file", keptFile, keptFile.name);
      data.set("keeps_file", "true");
    }
    send(form, submitter?.getAttribute("formaction") ?? form.getAttribute("action"), data);
  }

  function changeStep(event) {
    const shown = event.state?.step;
    if (shown === undefined) {
      // A link to a part of the page.
      history.replaceState({ step }, "");
    } else if (shown !== step && steps[shown]) {
      showStep(shown);
    }
  }

  // A file above the maximum would be sent in vain: the server closes the connection.
  function checkSize(event) {
    const input = event.target;
    if (input.matches("[data-max-bytes]")) {
      const isTooLarge = input.files[0]?.size > Number(input.dataset.maxBytes);
      input.setCustomValidity(isTooLarge ? input.dataset.tooLarge : "");
    }
  }

  function dragFile(event) {
    for (const zone of document.querySelectorAll("[data-drop-zone]")) {
      const isInside = zone.contains(event.target) && event.dataTransfer.types.includes("Files");
      if (isInside && event.type !== "dragleave") {
        // A browser would open the file.
        event.preventDefault();
      }
      if (isInside && event.type === "drop") {
        const input = zone.querySelector("input[type=file]");
        setFile(input, event.dataTransfer.files[0]);
        input.dispatchEvent(new Event("change", { bubbles: true }));
      }
      zone.classList.toggle("dragging", isInside && event.type === "dragover");
    }
  }

  function confirmLeaving(event) {
    if (!isLeaving && document.querySelector("form[data-unsaved]")) {
      event.preventDefault();
    }
  }

  document.addEventListener("submit", sendStep);
  document.addEventListener("change", checkSize);
  document.addEventListener("click", (event) => {
    isLeaving ||= event.target.closest("a[data-leaves]") !== null;
  });
  for (const type of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(type, dragFile);
  }
  window.addEventListener("popstate", changeStep);
  window.addEventListener("beforeunload", confirmLeaving);
  history.replaceState({ step }, "");
})();
