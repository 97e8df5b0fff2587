// What the reader has chosen on a page (options of charts, columns, order, filter): it is there again after a look
// elsewhere or a reload, as long as the tab is open.

/** The choices of one page as an object that is changed in place; `save` writes them down. */
export function remembered(page) {
  const name = `overdrive ${page}`;
  let kept = {};
  try {
    kept = JSON.parse(sessionStorage.getItem(name)) ?? {};
  } catch {
    // torn or forbidden: the page begins anew
  }
  const save = () => {
    try {
      sessionStorage.setItem(name, JSON.stringify(kept));
    } catch {
      // full or forbidden: the page works without
    }
  };
  return { kept, save };
}
