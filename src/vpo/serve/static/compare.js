// Lays the two pictures of a file over each other, with a slider between them.
// Without it they are side by side.
(function () {
  "use strict";
  function overlay(pictures) {
    const slider = document.createElement("input");
    slider.type = "range";
    slider.className = "wiper";
    slider.min = 0;
    slider.max = 100;
    slider.value = 50;
    slider.setAttribute("aria-label", "How much of the original is shown, in percent");
    slider.addEventListener("input", function () {
      pictures.style.setProperty("--cut", slider.value + "%");
    });
    pictures.classList.add("wipe");
    pictures.after(slider);
  }
  function look(root) {
    root.querySelectorAll(".pictures.both:not(.wipe)").forEach(overlay);
  }
  look(document);
  document.addEventListener("htmx:afterSwap", function () { look(document); });
})();
