"use strict";
// Shows the views that fit what is chosen above; without it the first of each kind stands there.
(function () {
  var controls = document.querySelector(".controls");
  function show() {
    var chosen = {};
    controls.querySelectorAll("input:checked").forEach(function (input) { chosen[input.name] = input.value; });
    document.querySelectorAll("[data-view]").forEach(function (view) {
      view.hidden = !view.dataset.view.split(";").every(function (pair) {
        var at = pair.indexOf("=");
        return chosen[pair.slice(0, at)] === pair.slice(at + 1);
      });
    });
  }
  controls.hidden = false;
  controls.addEventListener("change", function () {
    show();
    // Who does not see the page change hears what it shows now.
    var words = Array.from(controls.querySelectorAll("input:checked + span"), function (each) { return each.textContent; });
    controls.querySelector("[role=status]").textContent = "Shown below: " + words.join(", ");
  });
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (each) { each.dataset.was = each.open ? "1" : ""; each.open = true; });
  });
  window.addEventListener("afterprint", function () {
    document.querySelectorAll("details").forEach(function (each) { each.open = each.dataset.was === "1"; });
  });
  show();
})();
