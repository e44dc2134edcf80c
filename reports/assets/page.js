// The page of a report: an explorer for each run, and links to their steps.

const explorers = [...document.querySelectorAll("article.run")].map((article) => new Explorer(article));
const visit = () => {
  const link = links.read();
  if (!link || location.hash === links.written) return;
  explorers.find((explorer) => explorer.number === link.run)?.visit(link.step);
};
visit();
links.ready = true;
addEventListener("hashchange", visit);
addEventListener("keydown", (event) => {
  const isTaken = event.target.closest("input, select, textarea, button, [role='listbox'], .detail, pre");
  if (!isTaken && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
    const near = event.target.closest("article.run");
    (explorers.find((explorer) => explorer.article === near) ?? explorers[0])?.key(event);
  }
});
