// Has the parts of a page that show what runs be fetched again when the server says so.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  if (!document.querySelector("[data-live]")) return;
  const events = new EventSource("/api/v1/events");
  // A tab that nobody sees costs the server nothing, and is made current when it is seen again.
  const refresh = () => { if (!document.hidden) htmx.trigger(document.body, "vpo:status"); };
  document.addEventListener("visibilitychange", refresh);
  events.addEventListener("status", refresh);
  // After a gap nobody knows what was missed.
  events.addEventListener("open", refresh);
});
