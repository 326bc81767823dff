// Sets the colours before the first paint, so that a dark page never flashes white. Unfold's own script takes over.
(function () {
  var theme = "auto";
  try {
    theme = JSON.parse(localStorage.getItem("adminTheme")) || "auto";
  } catch (unreadable) {
    theme = "auto";
  }
  var dark = theme === "dark" || (theme === "auto" && window.matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.add(dark ? "dark" : "light");
})();
