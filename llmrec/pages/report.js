"use strict";
/* Sorting and filtering of tables. Texts are put on the page by textContent alone, so that none of what a
   model wrote is ever read as markup. */

function sortBy(table, column) {
  const heads = [...table.tHead.rows[0].cells];
  const head = heads[column];
  const numeric = head.classList.contains("num");
  const begin = numeric && !head.textContent.includes("\u2193") ? "descending" : "ascending";
  const other = begin === "ascending" ? "descending" : "ascending";
  const order = head.getAttribute("aria-sort") === begin ? other : begin;
  heads.forEach((one) => one.setAttribute("aria-sort", one === head ? order : "none"));
  const sign = order === "ascending" ? 1 : -1;
  const key = (row) => row.cells[column].dataset.key;
  const rows = [...table.tBodies[0].rows].sort((one, two) => {
    if (!numeric) return sign * one.cells[column].textContent.localeCompare(two.cells[column].textContent);
    /* What has no value stands last, whichever way the column is sorted. */
    if (key(one) === undefined || key(two) === undefined) return (key(one) === undefined) - (key(two) === undefined);
    return sign * (Number(key(one)) - Number(key(two)));
  });
  table.tBodies[0].append(...rows);
}

document.querySelectorAll("table.sorts").forEach((table) => {
  [...table.tHead.rows[0].cells].forEach((head, column) =>
    head.querySelector("button").addEventListener("click", () => sortBy(table, column)));
});

document.querySelectorAll(".filter input").forEach((input) => {
  const rows = [...input.closest(".block").querySelectorAll("tbody tr")];
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    rows.forEach((row) => { row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted); });
  });
});
