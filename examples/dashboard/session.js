// Shows how long the session has left and how old the list is. When the session has ended, it reloads the
// page, and the gate answers with what to do.
(() => {
  const remaining = document.getElementById("remaining");
  const age = document.getElementById("age");
  const span = (ms) => {
    const s = Math.max(0, Math.round(ms / 1000));
    return s < 60 ? `${s} s` : `${Math.floor(s / 60)} min ${s % 60} s`;
  };
  const show = () => {
    if (remaining) remaining.textContent = `${span(Date.parse(remaining.dataset.until) - Date.now())} left`;
    if (age) age.textContent = `${span(Date.now() - Date.parse(age.dateTime))} ago`;
  };
  const ask = async () => {
    if (document.hidden) return;
    const answer = await fetch("/whoami", { headers: { accept: "application/json" } }).catch(() => null);
    if (!answer) return;
    if (answer.status === 401 || answer.status === 403) {
      document.getElementById("ended").textContent = "Your access has ended.";
      location.reload();
      return;
    }
    if (!answer.ok) return;
    const until = (await answer.json()).session_expires_at;
    // A later end means a newer list: show it.
    if (remaining && until !== remaining.dataset.until) location.reload();
  };
  show();
  setInterval(show, 1000);
  setInterval(ask, 3000);
})();
