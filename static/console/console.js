// Small manners of the screens; every page works without this file.
(function () {
  "use strict";

  function typing(target) {
    return target.closest("input, textarea, select, [contenteditable='true']") !== null;
  }

  // A search box that is empty is where "/" leads to, so there it is no letter.
  function waits(target) {
    return target.matches("[data-search]") && target.value === "";
  }

  function visible(element) {
    return element.offsetParent !== null;
  }

  // "/" goes to the search box; Escape leaves it.
  document.addEventListener("keydown", function (event) {
    if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && (!typing(event.target) || waits(event.target))) {
      if (document.getElementById("searchbar")) {
        return; // a list of the admin has its own box and its own key
      }
      var boxes = Array.from(document.querySelectorAll("[data-search]")).filter(visible);
      var box = boxes.find(function (one) { return one.closest("#content"); }) || boxes[0];
      if (box) {
        event.preventDefault();
        box.focus();
        box.select();
      }
    }
    if (event.key === "Escape" && event.target.matches && event.target.matches("[data-search]")) {
      event.target.blur();
    }
  });

  // Where the content of a page begins, for readers of screens.
  var content = document.getElementById("content");
  if (content) {
    content.setAttribute("role", "main");
  }

  // Controls that Unfold makes of links without an address are buttons for the keyboard too.
  document.querySelectorAll("a:not([href])").forEach(function (link) {
    if (link.hasAttribute("x-on:click")) {
      link.setAttribute("role", "button");
      link.tabIndex = 0;
    }
  });
  // So is what opens and closes the menu, which Unfold makes of an icon.
  var switches = document.querySelectorAll("span[x-on\\:click*='sidebar']");
  switches.forEach(function (icon) {
    icon.setAttribute("role", "button");
    icon.setAttribute("aria-label", "Menu");
    icon.tabIndex = 0;
  });
  document.addEventListener("keydown", function (event) {
    var pressed = event.key === "Enter" || event.key === " ";
    if (pressed && event.target.matches("a[role='button']:not([href]), span[role='button']")) {
      event.preventDefault();
      event.target.click();
      if (Array.from(switches).includes(event.target)) {
        window.setTimeout(function () { goOn(event.target); }, 0);
      }
    }
  });
  // The keyboard goes on in the menu that was opened, and comes back from the one that was closed.
  function goOn(used) {
    var next = Array.from(switches).find(function (icon) { return icon !== used && visible(icon); });
    if (next) {
      next.focus();
    }
  }

  // What is wrong with a condition is said again when the form is drawn again; while it is typed it is out of date.
  document.addEventListener("input", function (event) {
    var row = event.target.closest(".lr-cond");
    if (row) {
      row.querySelectorAll(".lr-fault").forEach(function (fault) { fault.remove(); });
    }
  });

  // A form is sent once, however often its button is pressed. The server holds the same promise by the form's token.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (!form.hasAttribute("data-once") || event.defaultPrevented) {
      return;
    }
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
  });
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-once]").forEach(function (form) { delete form.dataset.sent; });
  });

  document.addEventListener("click", function (event) {
    var copy = event.target.closest("[data-copy]");
    if (copy) {
      navigator.clipboard.writeText(document.getElementById(copy.dataset.copy).textContent.trim());
      say(copy.dataset.copied || "Copied");
    }
    var close = event.target.closest("[data-close]");
    if (close) {
      document.getElementById(close.dataset.close).replaceChildren();
    }
  });

  function say(text) {
    var status = document.getElementById("lr-status");
    if (status) {
      status.textContent = text;
    }
  }

  function trouble(text, seconds) {
    var box = document.getElementById("lr-trouble");
    if (box) {
      box.textContent = text;
      box.hidden = false;
      window.setTimeout(function () { box.hidden = true; }, 1000 * (seconds || 8));
    }
  }

  document.addEventListener("htmx:afterSettle", function (event) {
    var first = event.target.querySelector && event.target.querySelector("[data-focus]");
    if (first) {
      first.focus();
    }
    var said = event.target.querySelector && event.target.querySelector("[data-say]");
    if (said) {
      say(said.dataset.say);
    }
  });
  // What is typed while a form is drawn again by the server is put back into the new one.
  function typed(form) {
    var values = {};
    form.querySelectorAll("input:not([type=hidden]):not([type=radio]):not([type=checkbox]), textarea").forEach(function (one) {
      values[one.name] = one.value;
    });
    return values;
  }
  var sent = null;
  var missed = {};
  document.addEventListener("htmx:beforeRequest", function (event) {
    var form = event.target.closest("[data-keeps-typing]");
    if (form) {
      sent = typed(form);
    }
  });
  document.addEventListener("htmx:beforeSwap", function (event) {
    var form = event.detail.target.closest("[data-keeps-typing]");
    missed = {};
    if (form && sent && event.detail.target.id === "lr-builder-body") {
      var now = typed(form);
      Object.keys(now).forEach(function (name) {
        if (now[name] !== sent[name]) {
          missed[name] = now[name];
        }
      });
    }
  });
  document.addEventListener("htmx:afterSwap", function (event) {
    var form = event.target.closest("[data-keeps-typing]");
    Object.keys(missed).forEach(function (name) {
      var field = form && form.elements.namedItem(name);
      if (field && "value" in field) {
        field.value = missed[name];
        field.dispatchEvent(new Event("input", {bubbles: true}));
      }
    });
    missed = {};
  });

  // What asks again and again rests while nobody looks, and asks at once when somebody does.
  document.addEventListener("htmx:beforeRequest", function (event) {
    if (document.hidden && event.target.hasAttribute("data-poll")) {
      event.preventDefault();
    }
  });

  // A list to pick from: the box in its head picks all, the bar says how many, a range is picked with Shift.
  function picks(form) {
    return Array.from(form.querySelectorAll("input[name='pick']:not(:disabled)"));
  }
  function tell(form) {
    var chosen = picks(form).filter(function (box) { return box.checked; }).length;
    var all = form.querySelector("[data-bulk-all]");
    if (all) {
      all.checked = chosen > 0 && chosen === picks(form).length;
      all.indeterminate = chosen > 0 && !all.checked;
    }
    form.querySelectorAll("[data-bulk-count]").forEach(function (words) {
      words.textContent = chosen ? words.dataset.some.replace("%n", chosen) : words.dataset.none;
    });
    form.querySelectorAll("[data-bulk-act]").forEach(function (button) { button.disabled = chosen === 0; });
  }
  var lastPick = null;
  var shift = false;
  document.addEventListener("click", function (event) { shift = event.shiftKey; }, true);
  document.addEventListener("change", function (event) {
    var form = event.target.closest("form[data-bulk]");
    if (!form) {
      return;
    }
    var boxes = picks(form);
    if (event.target.hasAttribute("data-bulk-all")) {
      boxes.forEach(function (box) { box.checked = event.target.checked; });
    } else if (event.target.name === "pick") {
      if (shift && boxes.includes(lastPick)) {
        var ends = [boxes.indexOf(lastPick), boxes.indexOf(event.target)].sort(function (a, b) { return a - b; });
        boxes.slice(ends[0], ends[1] + 1).forEach(function (box) { box.checked = event.target.checked; });
      }
      lastPick = event.target;
    }
    tell(form);
  });
  function tellAll() {
    document.querySelectorAll("form[data-bulk]").forEach(tell);
  }
  tellAll();
  window.addEventListener("pageshow", tellAll);
  document.addEventListener("htmx:afterSettle", tellAll);

  // A scanner types and presses Enter: the field is ready for the next one.
  document.addEventListener("htmx:afterRequest", function (event) {
    var form = event.target.closest && event.target.closest("form[data-scan]");
    var field = form && form.querySelector("input[name='code']");
    if (field) {
      if (event.detail.successful) {
        field.value = "";
      }
      field.focus();
      field.select();
    }
  });

  // What the server says in plain words is for people.
  function told(answer) {
    return (answer.getResponseHeader("Content-Type") || "").startsWith("text/plain") ? answer.responseText : "";
  }

  // A panel that cannot be had says so in its own place; the rest of the page goes on.
  function failed(panel, told) {
    var words = document.createElement("p");
    words.className = "lr-subtle";
    words.textContent = told || panel.dataset.failed;
    var again = document.createElement("button");
    again.type = "button";
    again.className = "lr-btn lr-btn-small";
    again.textContent = panel.dataset.again;
    again.addEventListener("click", function () { window.htmx.trigger(panel, "lr:again"); });
    panel.replaceChildren(words, again);
  }
  function isPanel(element) {
    return element.hasAttribute && element.hasAttribute("data-panel");
  }
  document.addEventListener("htmx:beforeSwap", function (event) {
    if (isPanel(event.detail.target) && event.detail.xhr.status >= 400) {
      event.detail.shouldSwap = false;
      event.detail.isError = false;
      failed(event.detail.target, told(event.detail.xhr));
    }
  });

  document.addEventListener("htmx:sendError", function (event) {
    if (isPanel(event.target)) {
      failed(event.target);
      return;
    }
    trouble("The server could not be reached. Nothing was changed. Try again.");
  });
  document.addEventListener("htmx:responseError", function (event) {
    var words = told(event.detail.xhr);
    if (words) {
      trouble(words, 30);
    } else {
      trouble("That did not work (" + event.detail.xhr.status + "). Nothing was changed. Try again in a moment.");
    }
  });

  // A list that is worked through by keys: j and k go down and up, x chooses, Enter opens. Off where somebody writes,
  // and for good where somebody switches them off.
  function writing(target) {
    return target.closest("textarea, select, [contenteditable='true'], input:not([type=checkbox]):not([type=radio])") !== null;
  }
  function keysOn() {
    return window.localStorage.getItem("lr-keys") !== "off";
  }
  function current(rows) {
    return rows.findIndex(function (row) { return row.contains(document.activeElement); });
  }
  document.addEventListener("keydown", function (event) {
    var list = document.querySelector("[data-keys]");
    if (!list || !keysOn() || writing(event.target) || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    var rows = Array.from(list.querySelectorAll("[data-row]"));
    var at = current(rows);
    if (event.key === "j" || event.key === "k") {
      var next = rows[event.key === "j" ? Math.min(at + 1, rows.length - 1) : Math.max(at - 1, 0)];
      if (next) {
        event.preventDefault();
        rows.forEach(function (row) { row.classList.toggle("lr-current", row === next); });
        next.querySelector("[data-open]").focus();
        next.scrollIntoView({block: "nearest"});
      }
    }
    var box = event.key === "x" && at >= 0 && rows[at].querySelector("input[name='pick']");
    if (box) {
      event.preventDefault();
      box.checked = !box.checked;
      box.dispatchEvent(new Event("change", {bubbles: true}));
    }
  });
  document.querySelectorAll("[data-keys-switch]").forEach(function (box) {
    box.checked = keysOn();
    box.addEventListener("change", function () {
      window.localStorage.setItem("lr-keys", box.checked ? "on" : "off");
    });
  });

  document.addEventListener("click", function (event) {
    if (event.target.closest("[data-print]")) {
      window.print();
    }
  });

  // A picture that was chosen is shown at once, where the page has a place for it.
  document.addEventListener("change", function (event) {
    var canvas = event.target.dataset && document.getElementById(event.target.dataset.picture || "");
    var file = canvas && event.target.files && event.target.files[0];
    if (!canvas) {
      return;
    }
    canvas.hidden = true;
    if (file) {
      window.createImageBitmap(file).then(function (picture) {
        var scale = Math.min(1, 800 / Math.max(picture.width, picture.height));
        canvas.width = Math.round(picture.width * scale);
        canvas.height = Math.round(picture.height * scale);
        canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
        canvas.hidden = false;
      }, function () { trouble("This file is no picture that can be shown."); });
    }
  });

  var summary = document.querySelector(".lr-errors");
  if (summary) {
    summary.focus();
  }
})();
