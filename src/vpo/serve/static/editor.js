// Numbers the lines of the text that is edited, marks those with an error and goes to them.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const editor = document.querySelector("[data-editor]");
  if (!editor) return;
  const form = editor.closest("form");
  const text = editor.querySelector("textarea");
  const lines = editor.querySelector(".lines");
  const saved = editor.dataset.editor === "unsaved" ? null : text.value;
  let wrong = new Set(), leaving = false, saving = false;

  const number = () => {
    const count = text.value.split("\n").length;
    lines.replaceChildren(...Array.from({ length: count }, (_, line) => {
      const shown = document.createElement("span");
      shown.textContent = `${line + 1}\n`;
      if (wrong.has(line + 1)) shown.className = "wrong";
      return shown;
    }));
    text.rows = Math.min(Math.max(count + 1, 12), 40);
    lines.scrollTop = text.scrollTop;
  };
  const mark = () => {
    const places = document.querySelectorAll("#check [data-line]");
    wrong = new Set(Array.from(places, (place) => Number(place.dataset.line)));
    number();
  };
  const go = (line, column) => {
    const before = text.value.split("\n").slice(0, line - 1);
    const at = before.reduce((sum, each) => sum + each.length + 1, 0) + column - 1;
    text.focus();
    text.setSelectionRange(at, at);
    const height = text.scrollHeight / text.value.split("\n").length;
    text.scrollTop = Math.max(0, (line - 6) * height);
  };

  text.addEventListener("input", number);
  text.addEventListener("scroll", () => { lines.scrollTop = text.scrollTop; });
  text.addEventListener("keydown", (event) => {
    // Escape gives Tab back to the keyboard's user, who wants to leave the text.
    if (event.key === "Escape") leaving = true;
    if (event.key !== "Tab" || event.shiftKey || leaving) return;
    event.preventDefault();
    text.setRangeText("  ", text.selectionStart, text.selectionEnd, "end");
    text.dispatchEvent(new Event("input", { bubbles: true }));
  });
  text.addEventListener("blur", () => { leaving = false; });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "s" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    form.requestSubmit(form.querySelector("[value=save]"));
  });
  document.addEventListener("click", (event) => {
    const place = event.target.closest("[data-line]");
    if (place) go(Number(place.dataset.line), Number(place.dataset.column));
  });
  document.addEventListener("htmx:afterSettle", mark);
  form.addEventListener("submit", () => { saving = true; });
  addEventListener("beforeunload", (event) => {
    if (!saving && text.value !== saved) event.preventDefault();
  });
  document.documentElement.classList.add("scripted");
  mark();
});
