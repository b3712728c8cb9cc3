"use strict";
(function () {
  var number = /^\+? ?-?[0-9]+(\.[0-9]+)?%?$/;

  function value(row, column) {
    var text = row.cells[column].textContent.trim();
    return number.test(text) ? parseFloat(text.replace("+ ", "")) : text;
  }

  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return a.localeCompare(b, "en", { numeric: true });
  }

  function sort(table, heading, column) {
    var up = heading.getAttribute("aria-sort") !== "ascending";
    var body = table.tBodies[0], rows = Array.from(body.rows);
    rows.sort(function (a, b) { return (up ? 1 : -1) * compare(value(a, column), value(b, column)); });
    rows.forEach(function (row) { body.appendChild(row); });
    Array.from(table.tHead.rows[0].cells).forEach(function (cell) { cell.removeAttribute("aria-sort"); });
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
  }

  function makeSortable(table) {
    Array.from(table.tHead.rows[0].cells).forEach(function (heading, column) {
      var button = document.createElement("button");
      button.type = "button";
      button.textContent = heading.textContent;
      heading.textContent = "";
      heading.appendChild(button);
      button.addEventListener("click", function () { sort(table, heading, column); });
    });
  }

  function makeFilter(table) {
    var tools = document.createElement("div"), label = document.createElement("label");
    var input = document.createElement("input"), count = document.createElement("span");
    tools.className = "tools";
    input.type = "search";
    input.id = table.id.replace("table-", "filter-");
    label.htmlFor = input.id;
    label.textContent = "Filter";
    count.setAttribute("role", "status");
    [label, input, count].forEach(function (part) { tools.appendChild(part); });
    table.caption.firstChild.appendChild(tools);
    input.addEventListener("input", function () {
      var words = input.value.toLowerCase().split(/\s+/), shown = 0, rows = Array.from(table.tBodies[0].rows);
      rows.forEach(function (row) {
        var text = row.textContent.toLowerCase();
        row.hidden = !words.every(function (word) { return text.includes(word); });
        shown += row.hidden ? 0 : 1;
      });
      count.textContent = input.value.trim() === "" ? "" : shown + " of " + rows.length + " rows";
    });
  }

  document.querySelectorAll("table[data-sortable]").forEach(function (table) {
    if (table.tBodies[0].rows.length < 2) return;
    makeSortable(table);
    if (table.tBodies[0].rows.length > 8) makeFilter(table);
  });
})();
