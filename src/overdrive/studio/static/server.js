// All talk with the server: questions, wishes, and the streams of what is new.

/** The JSON answer; an Error with the server's own words when it refuses. */
export async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The studio does not answer. Is `overdrive studio` still running?");
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const said = body.error ?? (body.detail ? JSON.stringify(body.detail) : `the studio answered ${answer.status}`);
    throw Object.assign(new Error(said), { status: answer.status });
  }
  return body;
}

/** Leave a wish for the controller. */
export function wish(path, body) {
  return ask(path, {
    method: "POST",
    headers: { "X-Overdrive": "studio", "Content-Type": "application/json" },
    body: JSON.stringify(body ?? {}),
  });
}

/** The address of a sweep's or a run's part. */
export function at(sweep, ...parts) {
  return ["/api/sweeps", sweep, ...parts].map((part, place) => (place ? encodeURIComponent(part) : part)).join("/");
}

/**
 * Follow a stream of server-sent events. It is closed while the page is hidden, since a browser keeps only six
 * connections to a server, and opened again with everything when the page is seen. Returns a function that ends it.
 */
export function follow(path, { news, link }) {
  let source = null;
  let retry = null;
  const open = () => {
    clearTimeout(retry);
    if (source || document.hidden) return;
    source = new EventSource(path);
    source.onopen = () => link("live");
    source.onmessage = (event) => news(JSON.parse(event.data));
    source.addEventListener("problem", (event) => link("lost", JSON.parse(event.data).error));
    source.onerror = () => {
      link("lost");
      close();
      retry = setTimeout(open, 1000);
    };
  };
  const close = () => {
    source?.close();
    source = null;
  };
  const seen = () => (document.hidden ? close() : open());
  document.addEventListener("visibilitychange", seen);
  open();
  return () => {
    clearTimeout(retry);
    document.removeEventListener("visibilitychange", seen);
    close();
  };
}
