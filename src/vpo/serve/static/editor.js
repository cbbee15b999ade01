// Numbers the lines of the text that is edited, and lets Tab indent by two spaces.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const editor = document.querySelector("[data-editor]");
  if (!editor) return;
  const text = editor.querySelector("textarea");
  const lines = editor.querySelector(".lines");
  const number = () => {
    const count = text.value.split("\n").length;
    lines.textContent = Array.from({ length: count }, (_, line) => line + 1).join("\n");
    text.rows = Math.min(Math.max(count + 1, 12), 40);
    lines.scrollTop = text.scrollTop;
  };
  let leaving = false;
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
  number();
});
