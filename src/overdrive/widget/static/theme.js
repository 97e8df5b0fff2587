// Dark or light, as the notebook is: every notebook gives its outputs a text colour that reads on its ground.

/** Keep `node.dataset.theme` true; calls `changed` after each change. Returns a function that ends it. */
export function followTheme(node, changed) {
  const look = () => {
    const theme = light(getComputedStyle(node.parentElement ?? document.body).color) ? "dark" : "light";
    if (node.dataset.theme === theme) return;
    node.dataset.theme = theme;
    changed();
  };
  let later = null;
  const soon = () => {
    look();
    clearTimeout(later);
    later = setTimeout(look, 400); // style sheets of a new theme may come after its name
  };
  const observer = new MutationObserver(soon);
  for (const one of [document.documentElement, document.body]) observer.observe(one, { attributes: true });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", soon);
  soon();
  return () => {
    clearTimeout(later);
    observer.disconnect();
    system.removeEventListener("change", soon);
  };
}

/** Whether a computed colour is a light one. */
function light(color) {
  const parts = color.match(/[\d.]+/g)?.slice(0, 3).map(Number) ?? [0, 0, 0];
  const [red, green, blue] = color.startsWith("rgb") ? parts : parts.map((part) => part * 255);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 128;
}
