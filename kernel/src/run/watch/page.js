(() => {
  const ask = async () => {
    try {
      const answer = await fetch("changes" + location.search + "&since=STATE", { cache: "no-store" });
      if (answer.ok && (await answer.text()) === "changed") {
        location.reload();
        return;
      }
      if (answer.ok) {
        ask();
        return;
      }
    } catch {
      document.getElementById("watch").textContent = "The watch has ended, or cannot be reached.";
    }
    setTimeout(ask, 1000);
  };
  ask();
})();
