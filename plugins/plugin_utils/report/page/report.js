/* Copyright (c) winops contributors
   GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
   SPDX-License-Identifier: GPL-3.0-or-later
   Sorts and filters the tables, follows numbers to their hosts, shows one host. Text goes in by textContent only. */
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const hostBody = byId("host-table").tBodies[0];
  const hostRows = [...hostBody.rows].filter((row) => row.querySelector("a"));
  const hostNames = hostRows.map((row) => row.cells[0].textContent);
  const hostNumbers = new Map(hostNames.map((name, number) => [name, number]));

  const make = (tag, text, className) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (className) element.className = className;
    return element;
  };

  // Of the hosts only the rows that can be seen are in the page: thousands of them would make every step slow. More are
  // drawn when the reader comes near the end, and all of them for print.
  const BATCH = 300;
  let hostOrder = hostRows.map((_row, number) => number);
  let wanted = hostOrder;
  const drawn = () => hostBody.rows.length;
  const drawMore = (most = BATCH) => {
    const from = drawn();
    hostBody.append(...wanted.slice(from, from + most).map((number) => hostRows[number]));
  };
  const drawHosts = (numbers) => {
    wanted = numbers;
    hostBody.replaceChildren();
    drawMore();
  };
  const scroller = byId("host-table").parentElement;
  scroller.addEventListener("scroll", () => {
    if (scroller.scrollTop + 2 * scroller.clientHeight > scroller.scrollHeight) drawMore();
  });

  // Sorting: every heading becomes a button; a second press turns the order round.
  const keyOf = (row, column) => row.cells[column]?.dataset.k ?? row.cells[column]?.textContent.trim() ?? "";
  const sortBy = (table, column) => {
    const heading = table.tHead.rows[0].cells[column];
    const numeric = heading.classList.contains("num");
    const before = heading.getAttribute("aria-sort");
    const down = before ? before === "ascending" : numeric;
    for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = body === hostBody && hostRows.length ? hostOrder.map((number) => hostRows[number]) : [...body.rows];
    const keyed = rows.map((row) => [keyOf(row, column), row]);
    keyed.sort(([one], [other]) => {
      if (!one !== !other) return one ? -1 : 1; // nothing goes last, whichever way round
      return (down ? -1 : 1) * collator.compare(one, other);
    });
    if (body === hostBody && hostRows.length) {
      hostOrder = keyed.map(([, row]) => hostNumbers.get(row.cells[0].textContent));
      showHosts();
    } else {
      body.append(...keyed.map(([, row]) => row));
    }
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((cell, column) => {
      const button = make("button", cell.textContent);
      button.type = "button";
      button.addEventListener("click", () => sortBy(table, column));
      cell.replaceChildren(button);
    });
    if (table.dataset.filter) addSearch(table);
  }

  // A search field for each long table but that of the hosts, which has more.
  function addSearch(table) {
    const box = make("div", undefined, "filter");
    const label = make("label", "Search in this table");
    const input = make("input");
    input.type = "search";
    input.id = `${table.id}-q`;
    label.htmlFor = input.id;
    box.append(label, input);
    table.parentElement.before(box);
    const texts = [...table.tBodies[0].rows].map((row) => [row, row.textContent.toLowerCase()]);
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const [row, text] of texts) row.hidden = !words.every((word) => text.includes(word));
    });
  }

  // The hosts: what is typed, what is chosen, and the sets that a followed number stands for.
  const form = byId("filters");
  const selects = ["f-state", "f-by", "f-os"].map(byId);
  const hostTexts = hostRows.map((row) => row.textContent.toLowerCase());
  let followed = [];
  const showHosts = () => {
    const words = byId("q").value.toLowerCase().split(/\s+/).filter(Boolean);
    const keys = [...followed, ...selects.map((select) => select.value)].filter(Boolean);
    const sets = keys.map((key) => new Set(data.facets[key]?.[1] ?? []));
    const visible = (number) =>
      sets.every((set) => set.has(number)) && words.every((word) => hostTexts[number].includes(word));
    const numbers = hostOrder.filter(visible);
    if (hostRows.length) drawHosts(numbers);
    const shown = numbers.length;
    const all = hostRows.length;
    byId("shown").textContent = shown === all ? `${all} ${all === 1 ? "host" : "hosts"}` : `${shown} of ${all} hosts`;
    const chips = byId("chips");
    chips.hidden = !followed.length;
    chips.replaceChildren(
      ...followed.map((key) => {
        const button = make("button", `${data.facets[key]?.[0] ?? key} \u00d7`);
        button.type = "button";
        button.setAttribute("aria-label", `Remove the filter: ${data.facets[key]?.[0] ?? key}`);
        button.addEventListener("click", () => {
          followed = followed.filter((other) => other !== key);
          remember();
          showHosts();
          byId("q").focus();
        });
        return button;
      }),
    );
  };
  const remember = () => {
    const query = followed.map((key) => `f=${encodeURIComponent(key)}`).join("&");
    history.replaceState(null, "", query ? `#hosts?${query}` : "#hosts");
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", showHosts);
  const showOnly = (keys) => {
    byId("q").value = "";
    for (const select of selects) select.value = "";
    followed = keys;
    remember();
    showHosts();
  };
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    showOnly([]);
  });

  // One host. The members of an entry of data.hosts, as page_data.py writes them:
  const hostOf = (number) => {
    const [advice, settings, sources, locations, compliance, product, servers, problems, system, changes, logs] =
      data.hosts[number];
    const text = (index) => data.texts[index] ?? "";
    return {
      advice: text(advice),
      system: text(system),
      settings: settings ? settings.split(" ") : [],
      sources: new Map(sources.map(([setting, index]) => [setting, text(index)])),
      locations: new Map(locations.map(([setting, index]) => [setting, text(index)])),
      compliance: compliance ? compliance.split(" ") : [],
      controls: data.products[text(product)] ?? [],
      servers: servers.map(text),
      problems: problems.map(text),
      changes: changes.map(text),
      logs: logs.map(text),
    };
  };
  const grid = (caption, headings, rows) => {
    const table = make("table");
    const title = make("caption", caption);
    title.className = "vh";
    const head = table.createTHead().insertRow();
    for (const heading of headings) {
      const cell = make("th", heading);
      cell.scope = "col";
      head.append(cell);
    }
    const body = table.createTBody();
    for (const [first, ...rest] of rows) {
      const row = body.insertRow();
      const cell = make("th", first);
      cell.scope = "row";
      row.append(cell, ...rest.map((value) => (value instanceof Node ? value : make("td", value))));
    }
    table.prepend(title);
    const box = make("div", undefined, "scroll");
    box.append(table);
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", caption);
    return box;
  };
  const list = (items) => {
    const element = make("ul");
    element.append(...items.map((item) => make("li", item)));
    return element;
  };
  const NOT_SUPPORTED = "Not supported";
  const unsupported = (host) =>
    host.settings.flatMap((codes, number) =>
      codes && data.winners[Number(codes[6])] === NOT_SUPPORTED ? [data.settings[number].label] : [],
    );
  const settingRows = (host) =>
    host.settings.flatMap((codes, number) => {
      if (!codes || data.winners[Number(codes[6])] === NOT_SUPPORTED) return [];
      const { label, true: yes, false: no } = data.settings[number];
      const words = [...codes.slice(0, 6)].map((code) => ({ 1: yes, 0: no })[code] ?? "");
      const [effective, running, policy, mdm, local, fallback] = words;
      const by = make("td", data.winners[Number(codes[6])]);
      if (host.sources.has(number)) by.append(make("span", host.sources.get(number), "sub"));
      if (host.locations.has(number)) by.append(make("span", host.locations.get(number), "sub id"));
      const inForce = make("td", running || effective);
      if (codes[7] === "1") inForce.append(make("span", `drifts: ${effective} is configured`, "sub bad"));
      return [[label, inForce, by, policy, mdm, local, fallback]];
    });
  const FINDINGS = { p: "pass", f: "fail", u: "not known", n: "not supported" };
  const finding = (code) => {
    const word = FINDINGS[code] ?? code;
    return make("td", word, { fail: "bad", pass: "pass" }[word]);
  };
  const dialog = byId("detail");
  const showHost = (name) => {
    const number = hostNumbers.get(name);
    if (number === undefined) return;
    const host = hostOf(number);
    const row = hostRows[number];
    const header = make("header");
    const title = make("h2", name);
    title.id = "detail-h";
    const close = make("button", "Close");
    close.type = "button";
    close.addEventListener("click", () => dialog.close());
    header.append(title, close);
    const body = [header];
    const facts = make("p", undefined, "meta");
    facts.append(row.cells[2].firstElementChild.cloneNode(true), ` ${row.cells[1].textContent} ${host.system}`);
    body.push(facts);
    if (host.advice) body.push(make("p", host.advice));
    if (host.problems.length) body.push(make("h3", "What could not be read"), list(host.problems));
    if (host.settings.length) {
      const headings = ["Setting", "In force", "Decided by", "Policy", "MDM", "Local", "Default"];
      body.push(make("h3", "Settings"), grid("Settings of this host", headings, settingRows(host)));
      const missing = unsupported(host);
      if (missing.length) body.push(make("p", `Not supported by this Windows: ${missing.join(", ")}.`, "hint"));
    }
    if (host.changes.length) body.push(make("h3", "Open changes"), list(host.changes));
    if (host.compliance.length) {
      const rows = host.compliance.map((codes, index) => {
        const [label, ids] = host.controls[index];
        return [label, ids, finding(codes[0]), finding(codes[1]), codes[2] === "1" ? "yes" : ""];
      });
      const headings = ["Control", "Ids", "In force", "As a scanner reads", "Accepted"];
      body.push(make("h3", "Compliance"), grid("Controls of this host", headings, rows));
    }
    if (host.servers.length) body.push(make("h3", "Guest at"), list(host.servers));
    if (host.logs.length) body.push(make("h3", "Event logs"), list(host.logs));
    byId("detail-body").replaceChildren(...body);
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
  };
  let opener = null;
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    if (location.hash.startsWith("#host=")) history.replaceState(null, "", "#hosts");
    opener?.focus();
  });

  // Addresses: #hosts?f=KEY shows the hosts behind a number, #host=NAME one host.
  const follow = () => {
    const [place, query] = location.hash.split(/[?=](.*)/s);
    if (place === "#host" && query) {
      showHost(decodeURIComponent(query));
    } else if (place === "#hosts" && query) {
      if (dialog.open) dialog.close();
      showOnly(new URLSearchParams(query).getAll("f"));
      byId("hosts").scrollIntoView();
      byId("hosts-h").focus({ preventScroll: true });
    } else if (!place || place === "#hosts") {
      if (dialog.open) dialog.close();
      followed = [];
      showHosts();
    }
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#host="], a[href^="#hosts?"]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    opener = link;
    history.pushState(null, "", link.hash);
    follow();
  });
  addEventListener("popstate", follow);

  // Colours: the choice is kept where the browser lets a page keep anything.
  const theme = byId("theme");
  const paint = (choice) => {
    if (choice) document.documentElement.dataset.theme = choice;
    else delete document.documentElement.dataset.theme;
  };
  try {
    theme.value = localStorage.getItem("theme") ?? "";
  } catch { /* a page from a file may have no storage */ }
  paint(theme.value);
  theme.addEventListener("change", () => {
    paint(theme.value);
    try {
      localStorage.setItem("theme", theme.value);
    } catch { /* as above */ }
  });

  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details")) part.open = true;
    if (byId("print-all").checked) drawMore(wanted.length);
  });
  // In print the findings stand alone; the hosts follow on demand, since a fleet of hundreds would fill the paper.
  document.body.classList.add("scripted");
  byId("print-all").addEventListener("change", (event) => document.body.classList.toggle("print-all", event.target.checked));
  byId("hosts-h").tabIndex = -1;
  theme.parentElement.hidden = false;
  form.hidden = false;
  follow();
})();
