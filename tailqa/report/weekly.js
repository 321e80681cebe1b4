"use strict";
(() => {
  const PAGE = 10;
  const CUT = 1500;
  const queries = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const haystacks = new Array(queries.length);
  let found = [];
  let page = 0;

  const make = (tag, name, ...content) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    element.append(...content);
    return element;
  };
  const foreign = (tag, text) => {
    const element = make(tag, "", text);
    element.dir = "auto";
    return element;
  };
  const number = (value) => value.toLocaleString("en");

  const haystack = (index) => {
    if (haystacks[index] === undefined) {
      const query = queries[index];
      const parts = [query.id, query.cluster || "", query.prompt, ...query.references, ...query.choices];
      for (const answer of [query.then, query.now, query.teacher]) if (answer) parts.push(answer.text || "");
      haystacks[index] = parts.join("\n").toLowerCase();
    }
    return haystacks[index];
  };

  // A long text is shown in part; a prompt by its end, where the question is.
  const text = (content, fromEnd) => {
    if (content === null) return make("pre", "empty", "(not recorded)");
    if (content === "") return make("pre", "empty", "(empty)");
    const pre = foreign("pre", content);
    if (content.length <= CUT) return pre;
    pre.textContent = fromEnd ? "…" + content.slice(-CUT) : content.slice(0, CUT) + "…";
    const more = make("button", "more", `Show all ${number(content.length)} characters`);
    more.type = "button";
    more.addEventListener("click", () => {
      pre.textContent = content;
      pre.tabIndex = 0;
      pre.focus();
      more.remove();
    });
    return make("div", "", pre, more);
  };

  const side = (title, answer) => {
    if (answer === null) return make("div", "", make("h4", "", `${title}: no answer`));
    const cell = make("div", "", make("h4", "", `${title}: `, make("b", answer.mark, answer.mark)), text(answer.text, false));
    if (answer.tokens !== null) cell.append(make("p", "facts", `${number(answer.tokens)} tokens answered`));
    return cell;
  };

  const listed = (title, texts) => {
    const line = make("p", "facts", title);
    texts.forEach((item, index) => line.append(index ? ", " : " ", foreign("bdi", item)));
    return line;
  };

  const card = (query) => {
    const direction = make("span", query.direction === "newly wrong" ? "wrong" : "right", query.direction);
    const head = make("h3", "", foreign("bdi", query.id), direction, make("span", "", foreign("bdi", query.stratum)));
    if (query.cluster !== null) head.append(make("span", "", "cluster ", foreign("bdi", query.cluster)));
    const made = make("article", "", head);
    if (query.prompt) made.append(text(query.prompt, true));
    if (query.choices.length) made.append(listed("choices", query.choices));
    if (query.references.length) {
      made.append(listed(query.references.length > 1 ? "references" : "reference", query.references));
    }
    const sides = [["student then", query.then], ["student now", query.now], ["teacher", query.teacher]];
    made.append(make("div", "sides three-of", ...sides.map(([title, answer]) => side(title, answer))));
    return made;
  };

  const show = () => {
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    page = Math.min(Math.max(page, 0), pages - 1);
    const visible = found.slice(page * PAGE, (page + 1) * PAGE);
    at("list").replaceChildren(...visible.map((index) => card(queries[index])));
    at("status").textContent = `${number(found.length)} of ${number(queries.length)} queries`;
    for (const suffix of ["", "-below"]) {
      at(`place${suffix}`).textContent = `page ${number(page + 1)} of ${number(pages)}`;
      at(`previous${suffix}`).disabled = page === 0;
      at(`next${suffix}`).disabled = page === pages - 1;
    }
    at("bar-below").hidden = pages === 1;
  };

  const filter = () => {
    const stratum = at("stratum").value;
    const direction = at("direction").value;
    const wanted = at("search").value.trim().toLowerCase();
    found = [];
    queries.forEach((query, index) => {
      if (stratum && query.stratum !== stratum) return;
      if (direction && query.direction !== direction) return;
      if (wanted && !haystack(index).includes(wanted)) return;
      found.push(index);
    });
    page = 0;
    show();
  };

  let waiting;
  at("search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 150);
  });
  at("stratum").addEventListener("change", filter);
  at("direction").addEventListener("change", filter);
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  for (const suffix of ["", "-below"]) {
    for (const [name, step] of [["previous", -1], ["next", 1]]) {
      at(name + suffix).addEventListener("click", () => {
        page += step;
        show();
        if (suffix) at("changed").scrollIntoView();
      });
    }
  }
  at("filters").hidden = false;
  at("bar").hidden = false;
  filter();
})();
