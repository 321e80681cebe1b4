"use strict";
// Elements, and the queries of a page: filtered, searched, so many at a time. Used by page.js and
// weekly.js, which stand after it in the same script.
const { make, foreign, number, text, browse } = (() => {
  const CUT = 1500;
  const at = (id) => document.getElementById(id);

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

  // `fields` are both the selects of the filter and what they compare in a query; `card` makes the
  // element of a query, `searched` lists its texts, `top` is the section that the page turns to.
  const browse = (queries, { size, fields, card, searched, top }) => {
    const haystacks = new Array(queries.length);
    let found = [];
    let page = 0;
    let waiting;

    const haystack = (index) => {
      haystacks[index] ??= searched(queries[index]).join("\n").toLowerCase();
      return haystacks[index];
    };

    const show = () => {
      const pages = Math.max(1, Math.ceil(found.length / size));
      page = Math.min(Math.max(page, 0), pages - 1);
      const visible = found.slice(page * size, (page + 1) * size);
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
      const chosen = fields.map((name) => [name, at(name).value]).filter(([, value]) => value);
      const wanted = at("search").value.trim().toLowerCase();
      found = [];
      queries.forEach((query, index) => {
        if (chosen.some(([name, value]) => query[name] !== value)) return;
        if (wanted && !haystack(index).includes(wanted)) return;
        found.push(index);
      });
      page = 0;
      show();
    };

    at("search").addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(filter, 150);
    });
    for (const name of fields) at(name).addEventListener("change", filter);
    at("filters").addEventListener("submit", (event) => event.preventDefault());
    for (const suffix of ["", "-below"]) {
      for (const [name, step] of [["previous", -1], ["next", 1]]) {
        at(name + suffix).addEventListener("click", () => {
          page += step;
          show();
          if (suffix) at(top).scrollIntoView();
        });
      }
    }
    at("filters").hidden = false;
    at("bar").hidden = false;
    filter();
    return filter;
  };

  return { make, foreign, number, text, browse };
})();
