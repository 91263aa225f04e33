// Two pictures over one another with a divider between them; zoom by the wheel, pan by dragging.
const NEAREST = 3; // from this many screen pixels a pixel, pixels are shown as squares

export default {
  template: `
    <div class="viewer-stage" ref="stage" @wheel.prevent="onWheel" @pointerdown="onPan" @dblclick="onDouble">
      <div class="viewer-picture" :style="pictureStyle">
        <canvas ref="before" class="viewer-before"></canvas>
        <canvas ref="after" class="viewer-after" :style="{ clipPath: 'inset(0 0 0 ' + clip + 'px)' }"></canvas>
      </div>
      <div class="viewer-label" style="left: 12px">before</div>
      <div class="viewer-label" style="right: 12px">after</div>
      <div class="viewer-divider" role="slider" tabindex="0" aria-label="before and after" aria-valuemin="0"
           aria-valuemax="100" :aria-valuenow="Math.round(100 * divider)" :style="{ left: 100 * divider + '%' }"
           @pointerdown.stop="onDivide" @dblclick.stop @keydown="onKey"><div class="viewer-handle"></div></div>
    </div>`,
  props: { url: String },
  data() {
    return { width: 0, height: 0, stage: [1, 1], scale: 1, x: 0, y: 0, fitted: true, divider: 0.5, shown: 0, wanted: 0 };
  },
  computed: {
    pictureStyle() {
      const style = { width: this.width + "px", height: this.height + "px" };
      style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
      style.imageRendering = this.scale * window.devicePixelRatio >= NEAREST ? "pixelated" : "auto";
      return style;
    },
    clip() {
      return Math.min(Math.max((this.divider * this.stage[0] - this.x) / this.scale, 0), this.width);
    },
  },
  mounted() {
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(this.$refs.stage);
    this.load("before").then(([picture]) => {
      if (!this.width) this.resize(picture.width, picture.height); // until there is a result
      this.draw("before", picture);
    });
  },
  unmounted() {
    this.observer.disconnect();
  },
  methods: {
    // Frames: one is fetched at a time, and always the latest.
    async show(number) {
      this.wanted = Math.max(this.wanted, number);
      if (this.busy) return;
      this.busy = true;
      try {
        while (this.shown < this.wanted) {
          const [picture, found] = await this.load("after");
          this.resize(picture.width, picture.height);
          this.draw("after", picture);
          this.shown = found;
          this.$emit("shown", { number: found });
        }
      } finally {
        this.busy = false;
      }
    },
    async load(which) {
      const response = await fetch(`${this.url}/${which}`, { cache: "no-store" });
      const [width, height] = response.headers.get("X-Size").split("x").map(Number);
      const picture = new ImageData(new Uint8ClampedArray(await response.arrayBuffer()), width, height);
      return [picture, Number(response.headers.get("X-Frame"))];
    },
    draw(which, picture) {
      const canvas = this.$refs[which];
      if (canvas.width !== picture.width || canvas.height !== picture.height) {
        canvas.width = picture.width;
        canvas.height = picture.height;
      }
      canvas.getContext("2d", { alpha: false }).putImageData(picture, 0, 0);
    },
    resize(width, height) {
      if (this.width === width && this.height === height) return;
      [this.width, this.height] = [width, height];
      this.fit();
    },
    // Where the picture is.
    measure() {
      this.stage = [this.$refs.stage.clientWidth, this.$refs.stage.clientHeight];
      if (this.fitted) this.fit();
    },
    fit() {
      if (!this.width) return;
      this.fitted = true;
      this.scale = Math.min(this.stage[0] / this.width, this.stage[1] / this.height);
      this.x = (this.stage[0] - this.scale * this.width) / 2;
      this.y = (this.stage[1] - this.scale * this.height) / 2;
    },
    actual() {
      this.zoom(1 / window.devicePixelRatio, this.stage[0] / 2, this.stage[1] / 2);
    },
    zoom(scale, x, y) {
      const factor = scale / this.scale;
      this.fitted = false;
      this.scale = scale;
      this.x = x - factor * (x - this.x);
      this.y = y - factor * (y - this.y);
    },
    place(event) {
      const box = this.$refs.stage.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    },
    onWheel(event) {
      const scale = this.scale * Math.exp(-0.0015 * event.deltaY);
      this.zoom(Math.min(Math.max(scale, 0.02), 64), ...this.place(event));
    },
    onDouble(event) {
      this.fitted ? this.zoom(1 / window.devicePixelRatio, ...this.place(event)) : this.fit();
    },
    onPan(event) {
      if (event.button !== 0) return;
      const [left, top] = [event.clientX - this.x, event.clientY - this.y];
      this.follow(event, (move) => {
        [this.x, this.y] = [move.clientX - left, move.clientY - top];
        this.fitted = false;
      });
    },
    onDivide(event) {
      this.follow(event, (move) => this.divide(this.place(move)[0] / this.stage[0]));
    },
    onKey(event) {
      const step = { ArrowLeft: -0.01, ArrowRight: 0.01 }[event.key];
      if (step) this.divide(this.divider + step);
    },
    divide(part) {
      this.divider = Math.min(Math.max(part, 0), 1);
    },
    follow(event, move) {
      const target = event.currentTarget;
      target.setPointerCapture(event.pointerId);
      target.addEventListener("pointermove", move);
      target.addEventListener("lostpointercapture", () => target.removeEventListener("pointermove", move), { once: true });
    },
  },
};
