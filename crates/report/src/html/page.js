"use strict";
(() => {
  const rows = [...document.querySelectorAll("#list details")];
  const name = document.getElementById("name");
  const outcome = document.getElementById("outcome");
  const count = document.getElementById("count");
  const counts = new Map();
  for (const row of rows) counts.set(row.dataset.o, (counts.get(row.dataset.o) || 0) + 1);
  for (const [word, many] of [...counts].sort()) outcome.add(new Option(`${word} (${many})`, word));
  const show = () => {
    const part = name.value.toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const fits = (!outcome.value || row.dataset.o === outcome.value)
        && row.firstElementChild.firstElementChild.textContent.toLowerCase().includes(part);
      row.hidden = !fits;
      if (fits) shown += 1;
    }
    count.textContent = `${shown} of ${rows.length}`;
  };
  name.addEventListener("input", show);
  outcome.addEventListener("change", show);
  document.getElementById("filter").hidden = false;
  show();
})();
