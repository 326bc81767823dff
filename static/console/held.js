// What was typed in a form outlives a sign-in: it stays in this tab until the next page, and can be sent again.
(function () {
  "use strict";
  var KEY = "lr-sent";

  document.addEventListener("submit", function (event) {
    var form = event.target;
    var button = event.submitter;
    if (event.defaultPrevented || form.method !== "post" || form.querySelector("input[type=password]")) {
      return;
    }
    var to = new URL((button && button.getAttribute("formaction")) || form.getAttribute("action") || "", window.location.href);
    var fields = Array.from(new FormData(form, button)).filter(function (field) { return field[0] !== "csrfmiddlewaretoken"; });
    var chosen = fields.some(function (field) { return typeof field[1] !== "string" && field[1].name; });
    if (!to.pathname.startsWith("/console/") || chosen) {
      return;
    }
    var typed = fields.filter(function (field) { return typeof field[1] === "string"; });
    window.sessionStorage.setItem(KEY, JSON.stringify({address: to.pathname + to.search, typed: typed}));
  });

  var form = document.querySelector("form[data-held]");
  if (!form) {
    if (!window.location.pathname.startsWith("/admin/login/")) {
      window.sessionStorage.removeItem(KEY);
    }
    return;
  }
  var held = JSON.parse(window.sessionStorage.getItem(KEY) || "null");
  if (!held) {
    return;
  }
  form.action = held.address;
  held.typed.forEach(function (field) {
    var input = document.createElement("input");
    input.type = "hidden";
    input.name = field[0];
    input.value = field[1];
    form.append(input);
  });
  form.hidden = false;
  document.getElementById("lr-not-held").hidden = true;
})();
