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
  return ["/api/sweeps", ...[sweep, ...parts].map(encodeURIComponent)].join("/");
}

const RETRY_SECONDS = 1;

/**
 * Follow a stream of server-sent events. `path` gives its address each time that it is opened. It is closed while the
 * page is hidden, since a browser keeps only six connections to a server. Returns a function that ends it.
 */
export function stream(path, { news, link }) {
  let source = null;
  let retry = null;
  const close = () => {
    clearTimeout(retry);
    source?.close();
    source = null;
  };
  const open = () => {
    close();
    if (document.hidden) return;
    source = new EventSource(path());
    source.onopen = () => link("live");
    source.onmessage = (event) => news(JSON.parse(event.data));
    source.addEventListener("problem", (event) => link("lost", JSON.parse(event.data).error));
    source.onerror = () => {
      link("lost");
      close();
      retry = setTimeout(open, RETRY_SECONDS * 1000);
    };
  };
  const seen = () => (document.hidden ? close() : open());
  document.addEventListener("visibilitychange", seen);
  open();
  return () => {
    document.removeEventListener("visibilitychange", seen);
    close();
  };
}

/** Everything of a sweep, then what is new in it; `lost` hears why it cannot be shown at all. Returns the end of it. */
export function follow(sweep, { news, link, lost }) {
  let stop = () => {};
  let over = false;
  let known = null;
  const take = (message) => {
    known = { feed: message.feed, since: message.version };
    news(message);
  };
  ask(at(sweep)).then((message) => {
    if (over) return;
    take(message);
    stop = stream(() => `/api/live/sweeps/${encodeURIComponent(sweep)}?${new URLSearchParams(known)}`, { news: take, link });
  }, (error) => over || lost(error));
  return () => {
    over = true;
    stop();
  };
}
