"use strict";
(() => {
  const PAGE = 20;
  const CUT = 1500;
  const TITLES = {
    teacher_only: "only the teacher right",
    student_only: "only the student right",
    failed: "failed",
    ungraded: "ungraded",
    neither: "both wrong",
    both: "both right",
  };
  const queries = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const haystacks = new Array(queries.length);
  // Of an imported run the texts may not be known, which is not the same as empty.
  const recorded = queries.some((query) =>
    [query.teacher, query.student].some((side) => side.samples.some((sample) => sample.text))
  );
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
      const parts = [query.id, query.cluster || "", ...query.references, ...query.choices];
      for (const side of [query.teacher, query.student]) {
        parts.push(side.prompt, ...side.samples.map((sample) => sample.text));
      }
      haystacks[index] = parts.join("\n").toLowerCase();
    }
    return haystacks[index];
  };

  // A long text is shown in part; a prompt by its end, where the question is.
  const text = (content, fromEnd) => {
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

  const choices = (query, sample) => {
    const best = Math.max(...sample.logprobs.map((value) => (value === null ? -Infinity : value)));
    const rows = query.choices.map((choice, index) => {
      const value = sample.logprobs[index];
      const shown = value === null ? "–" : value.toFixed(3).replace("-", "−");
      const right = query.references.includes(choice) ? " ✓" : "";
      const cells = [foreign("td", choice + right), make("td", "r", shown)];
      return make("tr", value === best ? "picked" : "", ...cells);
    });
    return make("table", "choices", make("tbody", "", ...rows));
  };

  const facts = (sample) => {
    const line = make("p", "facts");
    const parts = sample.logprobs ? [["log-probability of each choice"]] : [];
    if (sample.extracted !== null) parts.push(["read as ", foreign("bdi", sample.extracted)]);
    if (sample.score !== null && sample.score > 0 && sample.score < 1) {
      parts.push([`score ${sample.score.toFixed(3)}`]);
    }
    const tokens = [];
    if (sample.prompt_tokens !== null) tokens.push(`${number(sample.prompt_tokens)} prompt tokens`);
    if (sample.completion_tokens !== null) {
      const done = sample.logprobs ? "scored" : "answered";
      tokens.push(`${number(sample.completion_tokens)} ${tokens.length ? "" : "tokens "}${done}`);
    }
    if (tokens.length) parts.push([tokens.join(", ")]);
    if (sample.finish_reason === "length") parts.push(["cut off at the token limit"]);
    if (sample.reason !== null) parts.push([foreign("bdi", sample.reason)]);
    parts.forEach((part, index) => line.append(...(index ? [" · "] : []), ...part));
    return line;
  };

  const answer = (query, sample, title) => {
    const head = make("h4", "", `${title}: `, make("b", sample.status, sample.status));
    const written = recorded ? [text(sample.text, false)] : [];
    const body = sample.logprobs ? [choices(query, sample)] : written;
    return make("div", "", head, ...body, facts(sample));
  };

  const side = (query, name) => {
    const samples = query[name].samples;
    const cell = make("div", "");
    if (!samples.length) cell.append(make("h4", "", `${name}: no answer`));
    else cell.append(answer(query, samples[0], name));
    if (samples.length > 1) {
      const rest = samples.slice(1);
      const details = make("details", "", make("summary", "", `${rest.length} more ${rest.length === 1 ? "sample" : "samples"}`));
      details.append(...rest.map((sample, index) => answer(query, sample, `sample ${index + 2}`)));
      cell.append(details);
    }
    return cell;
  };

  const prompts = (query) => {
    const same = query.teacher.prompt === query.student.prompt;
    const one = (title, prompt) => make("div", "", make("h4", "", title), text(prompt, true));
    if (same) return one("prompt sent to both", query.teacher.prompt);
    const both = ["teacher", "student"].map((name) => one(`prompt sent to the ${name}`, query[name].prompt));
    return make("div", "sides", ...both);
  };

  const card = (query) => {
    const head = make("h3", "", foreign("bdi", query.id), make("span", query.outcome, TITLES[query.outcome]));
    head.append(make("span", "", foreign("bdi", query.stratum)));
    if (query.cluster !== null) head.append(make("span", "", "cluster ", foreign("bdi", query.cluster)));
    const references = make("p", "facts", query.references.length > 1 ? "references " : "reference ");
    query.references.forEach((reference, index) => references.append(index ? ", " : "", foreign("bdi", reference)));
    const sides = make("div", "sides", side(query, "teacher"), side(query, "student"));
    const asked = query.teacher.prompt || query.student.prompt ? prompts(query) : "";
    return make("article", "", head, asked, query.references.length ? references : "", sides);
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
    const outcome = at("outcome").value;
    const wanted = at("search").value.trim().toLowerCase();
    found = [];
    queries.forEach((query, index) => {
      if (stratum && query.stratum !== stratum) return;
      if (outcome && query.outcome !== outcome) return;
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
  at("outcome").addEventListener("change", filter);
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  for (const suffix of ["", "-below"]) {
    for (const [name, step] of [["previous", -1], ["next", 1]]) {
      at(name + suffix).addEventListener("click", () => {
        page += step;
        show();
        if (suffix) at("answers").scrollIntoView();
      });
    }
  }
  document.querySelectorAll("a[data-outcome]").forEach((link) => {
    link.addEventListener("click", () => {
      at("stratum").value = link.dataset.stratum;
      at("outcome").value = link.dataset.outcome;
      at("search").value = "";
      filter();
    });
  });
  at("filters").hidden = false;
  at("bar").hidden = false;
  filter();
})();
