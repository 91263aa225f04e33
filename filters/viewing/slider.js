// Holds its own position: were it a property, the whole page would be rendered anew at each move.
export default {
  template: `<q-slider dense v-model="position" :min="low" :max="high" :step="step"
                       @update:model-value="(position) => $emit('dragged', position)" />`,
  props: { low: Number, high: Number, step: Number, start: Number },
  emits: ["dragged"],
  data() {
    return { position: this.start };
  },
  methods: {
    move(position) {
      this.position = position;
    },
  },
};
