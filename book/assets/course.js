/* What scrolls can be scrolled by keyboard: a figure or a formula that is wider than
   the screen is a stop of the tab key, and only then. (The theme does so for code.) */
(() => {
  const wide = "article figure, article div.math, .explorer-frames";

  function mark() {
    document.querySelectorAll(wide).forEach((box) => {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    const sizes = new ResizeObserver(mark);
    document.querySelectorAll(`${wide}, article img`).forEach((box) => sizes.observe(box));
  });
})();

/* Paper is white, whatever the screen is. */
(() => {
  const root = document.documentElement;
  let before;

  addEventListener("beforeprint", () => {
    before = root.dataset.theme;
    root.dataset.theme = "light";
  });
  addEventListener("afterprint", () => { root.dataset.theme = before; });
})();
