/* Copyright (c) winops contributors
   GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
   SPDX-License-Identifier: GPL-3.0-or-later
   Sorts and filters the tables, follows numbers to their hosts, shows one host. Text goes in by textContent only. */
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const make = (tag, text, className) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (className) element.className = className;
    return element;
  };

  const lowerWords = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

  // The rows of a table, by number: those of the page, or those of the hosts of a large fleet, made when they are drawn.
  const rowsOfPage = (table) => {
    const rows = [...table.tBodies[0].rows].filter((row) => !row.querySelector("td.none"));
    return {
      count: rows.length,
      row: (number) => rows[number],
      text: (number) => rows[number].textContent,
      key: (number, column) => {
        const cell = rows[number].cells[column];
        return cell?.dataset.k ?? cell?.textContent.trim() ?? "";
      },
    };
  };
  const textOf = (index) => data.texts[index] ?? "";
  // The members of an entry of data.hosts, as `_cells` of page_data.py writes them.
  const rowsOfData = () => {
    const words = ([name, windows, state, by, byName, client, server, ...counts]) => [
      name,
      textOf(windows),
      data.states[state][1],
      [textOf(by), textOf(byName)].join(""),
      textOf(client),
      textOf(server),
      ...counts.map((count) => (count ? `${count}` : "")),
    ];
    return {
      count: data.hosts.length,
      row: (number) => {
        const [name, windows, state, by, ...rest] = words(data.hosts[number]);
        const [, , stateNumber, winner, policy] = data.hosts[number];
        const row = make("tr");
        const head = make("th");
        const link = make("a", name);
        const badge = make("td");
        const decided = make("td", textOf(winner));
        head.scope = "row";
        link.href = `#host=${encodeURIComponent(name)}`;
        head.append(link);
        badge.append(make("span", state, `state ${data.states[stateNumber][0]}`));
        if (policy >= 0) decided.append(make("span", textOf(policy), "sub"));
        const others = rest.map((text, index) => make("td", text, index > 1 ? "num" : ""));
        row.append(head, make("td", windows), badge, decided, ...others);
        return row;
      },
      text: (number) => words(data.hosts[number]).join(" "),
      key: (number, column) => (column === 2 ? `${data.hosts[number][2]}` : words(data.hosts[number])[column]),
    };
  };

  // Only the rows that can be seen are in the page: thousands of them would make every step slow. More are drawn when
  // the reader comes near the end, and all of them for print.
  const BATCH = 300;
  const views = new Map();
  const viewOf = (table, rows) => {
    const body = table.tBodies[0];
    const scroller = table.parentElement;
    let order = Array.from({ length: rows.count }, (_none, number) => number);
    let wanted = order;
    let matches = () => true;
    let texts;
    const ranks = new Map();
    const drawMore = (most = BATCH) => {
      const from = body.rows.length;
      body.append(...wanted.slice(from, from + most).map(rows.row));
    };
    const draw = () => {
      wanted = order.filter(matches);
      if (rows.count) {
        body.replaceChildren();
        drawMore();
      }
      return wanted.length;
    };
    // The place of each row in a column: many rows have the same text, and each text is compared once.
    const ranksOf = (column) => {
      if (!ranks.has(column)) {
        const keys = order.map(() => "");
        for (const number of order) keys[number] = rows.key(number, column);
        const places = new Map();
        let place = 0;
        let before;
        for (const key of [...new Set(keys)].sort(collator.compare)) {
          if (before !== undefined && collator.compare(before, key)) place += 1;
          places.set(key, place);
          before = key;
        }
        ranks.set(column, keys.map((key) => (key ? places.get(key) : Infinity)));
      }
      return ranks.get(column);
    };
    scroller.addEventListener("scroll", () => {
      if (scroller.scrollTop + 2 * scroller.clientHeight > scroller.scrollHeight) drawMore();
    });
    return {
      rows,
      count: rows.count,
      drawAll: () => drawMore(wanted.length),
      sort: (column, down) => {
        const places = ranksOf(column);
        const last = (number) => places[number] === Infinity; // nothing goes last, whichever way round
        const step = down ? -1 : 1;
        order = [...order].sort((one, other) =>
          last(one) || last(other) ? last(one) - last(other) : step * (places[one] - places[other]),
        );
        draw();
      },
      // Shows the rows that are in every set and hold every word; returns their number.
      narrow: (words, sets = []) => {
        if (words.length) texts ??= Array.from({ length: rows.count }, (_none, number) => rows.text(number).toLowerCase());
        matches = (number) =>
          sets.every((set) => set.has(number)) && words.every((word) => texts[number].includes(word));
        return draw();
      },
    };
  };

  // Sorting: every heading becomes a button; a second press turns the order round.
  const sortBy = (table, column) => {
    const heading = table.tHead.rows[0].cells[column];
    const before = heading.getAttribute("aria-sort");
    const down = before ? before === "ascending" : heading.classList.contains("num");
    for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    views.get(table).sort(column, down);
  };
  const hostTable = byId("host-table");
  for (const table of document.querySelectorAll("table.sortable")) {
    const fromData = table === hostTable && data.files;
    const view = viewOf(table, fromData ? rowsOfData() : rowsOfPage(table));
    views.set(table, view);
    [...table.tHead.rows[0].cells].forEach((cell, column) => {
      const button = make("button", cell.textContent);
      button.type = "button";
      button.addEventListener("click", () => sortBy(table, column));
      cell.replaceChildren(button);
    });
    if (fromData || view.count > BATCH) view.narrow([]);
    if (table.dataset.filter) addSearch(table, view);
  }
  const hosts = views.get(hostTable);
  const nameOf = (number) => (data.files ? data.hosts[number][0] : hosts.rows.row(number).cells[0].textContent);
  const hostNumbers = new Map(Array.from({ length: hosts.count }, (_none, number) => [nameOf(number), number]));

  // A search field for each long table but that of the hosts, which has more.
  function addSearch(table, view) {
    const box = make("div", undefined, "filter");
    const label = make("label", "Search in this table");
    const input = make("input");
    input.type = "search";
    input.id = `${table.id}-q`;
    label.htmlFor = input.id;
    box.append(label, input);
    table.parentElement.before(box);
    input.addEventListener("input", () => view.narrow(lowerWords(input.value)));
  }

  // The hosts: what is typed, what is chosen, and the sets that a followed number stands for.
  const form = byId("filters");
  const selects = ["f-state", "f-by", "f-os"].map(byId);
  // A set of hosts is a list of their numbers, or in the page of a large fleet the gaps between them.
  const setOf = (key) => {
    const numbers = data.facets[key]?.[1] ?? [];
    let last = -1;
    return new Set(typeof numbers === "string" ? numbers.split(",").map((gap) => (last += Number(gap))) : numbers);
  };
  let followed = [];
  const showHosts = () => {
    const keys = [...followed, ...selects.map((select) => select.value)].filter(Boolean);
    const shown = hosts.narrow(lowerWords(byId("q").value), keys.map(setOf));
    const all = hosts.count;
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

  // The host files of a large fleet. Each is a script that calls reportHosts with its name and its data; the name holds
  // the beginning of the data's SHA-256, which is checked where the browser has it (not in a page of plain HTTP).
  const received = new Map();
  globalThis.reportHosts = (name, text) => received.set(name, text);
  const isWhole = async (name, text) => {
    if (text === undefined || !globalThis.crypto?.subtle) return text !== undefined;
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
    return name.endsWith([...digest.slice(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
  };
  const loaded = new Map();
  const load = (path) => {
    const name = path.replace(/^.*\/|\.js$/g, "");
    const loading = new Promise((resolve, reject) => {
      const script = make("script");
      script.src = path;
      script.addEventListener("load", resolve);
      script.addEventListener("error", () => reject(new Error(`The file ${path} is missing or cannot be read.`)));
      document.head.append(script);
    }).then(async () => {
      const text = received.get(name);
      received.delete(name);
      if (!(await isWhole(name, text))) throw new Error(`The file ${path} is not the one that was written with this page.`);
      return JSON.parse(text);
    });
    loading.catch(() => loaded.delete(path)); // it may be there the next time
    loaded.set(path, loading);
    return loading;
  };
  const fileOf = (number) => {
    const path = data.files[Math.floor(number / data.hosts_of_a_file)];
    return loaded.get(path) ?? load(path);
  };

  // One host: the members of its entry, as `_host` of page_data.py writes them, and the texts beside it.
  const hostOf = (entry, texts) => {
    const [advice, settings, sources, locations, compliance, product, servers, problems, system, changes, logs] = entry;
    const text = (index) => texts[index] ?? "";
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
  const headOf = (number, system) => {
    const row = hosts.rows.row(number);
    const header = make("header");
    const title = make("h2", nameOf(number));
    title.id = "detail-h";
    const close = make("button", "Close");
    close.type = "button";
    close.addEventListener("click", () => dialog.close());
    header.append(title, close);
    const facts = make("p", undefined, "meta");
    facts.append(row.cells[2].firstElementChild.cloneNode(true), ` ${row.cells[1].textContent} ${system}`);
    return [header, facts];
  };
  const show = (...body) => {
    byId("detail-body").replaceChildren(...body);
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
  };
  let opened;
  const showHost = (name) => {
    const number = hostNumbers.get(name);
    if (number === undefined) return;
    opened = number;
    if (!data.files) {
      showDetails(number, hostOf(data.hosts[number], data.texts));
      return;
    }
    show(...headOf(number, ""), make("p", "Loading ..."));
    const advice = "Keep the folder report_hosts beside this page. The same facts are in report.json.";
    fileOf(number).then(
      (file) => isAwaited(number) && showDetails(number, hostOf(file.hosts[number % data.hosts_of_a_file], file.texts)),
      (error) => isAwaited(number) && show(...headOf(number, ""), make("p", `${error.message} ${advice}`, "bad")),
    );
  };
  const isAwaited = (number) => opened === number && dialog.open;
  const showDetails = (number, host) => {
    const body = headOf(number, host.system);
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
    show(...body);
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
    if (byId("print-all").checked) for (const view of views.values()) view.drawAll();
  });
  // In print the findings stand alone; the hosts follow on demand, since a fleet of hundreds would fill the paper.
  document.body.classList.add("scripted");
  byId("print-all").addEventListener("change", (event) => document.body.classList.toggle("print-all", event.target.checked));
  byId("hosts-h").tabIndex = -1;
  theme.parentElement.hidden = false;
  form.hidden = false;
  follow();
})();
