"use strict";
(() => {
  const audio = document.getElementById("audio");
  if (!audio) return;
  const words = [...document.querySelectorAll(".transcript .w[data-t]")];
  const starts = words.map((word) => Number(word.dataset.t));
  const timeline = document.getElementById("timeline");
  const playhead = document.getElementById("playhead");
  const now = document.getElementById("now");
  const duration = timeline ? Number(timeline.dataset.duration) : 0;
  let current = -1;

  const hearFrom = (seconds) => {
    audio.currentTime = seconds;
    // a browser may refuse to play before it is touched; the place is set all the same
    audio.play().catch(() => {});
  };

  const lastStartedBy = (seconds) => {
    let low = 0, high = starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (starts[middle] <= seconds + 0.05) low = middle + 1; else high = middle;
    }
    return low - 1;
  };

  const follow = () => {
    const at = lastStartedBy(audio.currentTime);
    if (at !== current) {
      if (words[current]) words[current].classList.remove("current");
      if (words[at]) words[at].classList.add("current");
      current = at;
      now.textContent = words.slice(Math.max(0, at - 2), at + 6).map((word) => word.textContent).join(" ");
    }
    if (playhead && duration) {
      const track = timeline.querySelector(".track");
      playhead.style.display = audio.currentTime ? "block" : "none";
      playhead.style.left = `${track.offsetLeft + track.offsetWidth * Math.min(1, audio.currentTime / duration)}px`;
    }
  };
  const keepFollowing = () => {
    follow();
    if (!audio.paused) requestAnimationFrame(keepFollowing);
  };
  audio.addEventListener("play", keepFollowing);
  for (const moment of ["timeupdate", "seeked", "pause"]) audio.addEventListener(moment, follow);
  addEventListener("resize", follow);

  for (const place of document.querySelectorAll("button.at")) {
    place.addEventListener("click", () => hearFrom(Number(place.dataset.t)));
  }
  if (timeline) {
    timeline.addEventListener("click", (event) => {
      const track = event.target.closest(".track");
      if (!track) return;
      const box = track.getBoundingClientRect();
      hearFrom(duration * Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
    });
  }

  // one stop for the tab key; arrows move on from there
  const reach = (index) => {
    const word = words[Math.max(0, Math.min(words.length - 1, index))];
    for (const other of words) other.tabIndex = other === word ? 0 : -1;
    return word;
  };
  const transcript = document.getElementById("transcript");
  if (transcript && words.length) {
    for (const word of words) word.setAttribute("role", "button");
    reach(0);
    transcript.addEventListener("click", (event) => {
      const at = words.indexOf(event.target.closest(".w"));
      if (at >= 0 && !String(getSelection())) {
        reach(at);
        hearFrom(starts[at]);
      }
    });
    transcript.addEventListener("keydown", (event) => {
      const at = words.indexOf(event.target);
      if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
      const steps = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + 10, ArrowUp: at - 10, Home: 0, End: words.length - 1 };
      if (event.key in steps) reach(steps[event.key]).focus();
      else if (event.key === "Enter" || event.key === " ") hearFrom(starts[at]);
      else return;
      event.preventDefault();
    });
  }
})();
