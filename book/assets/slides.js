// Starts the slides; one that is too tall gets smaller letters until it fits.
// A phone held upright gets slides of its own shape.
const [width, height] = window.innerWidth < 600 ? [620, 1050] : [1100, 700];

function fit() {
  const slide = Reveal.getCurrentSlide();
  if (!slide) { return; }
  const picture = slide.querySelector("figure img");
  let [size, tallest] = [100, picture?.closest(".tall") && width > 620 ? 570 : 470];
  while (slide.scrollHeight > height && size > 50) {
    size -= 5;
    tallest -= 20;
    slide.style.fontSize = `${size}%`;
    if (picture) { picture.style.maxHeight = `${tallest}px`; }
  }
}

Reveal.on("ready", fit);
Reveal.on("slidechanged", fit);
Reveal.initialize({
  width, height,
  center: false,
  margin: 0.02,
  // A deck is paged on a phone, too.
  scrollActivationWidth: null,
  hash: true,
  slideNumber: "c/t",
  transition: "none",
  // Vertical slides of a section follow each other with the same key.
  navigationMode: "linear",
});
