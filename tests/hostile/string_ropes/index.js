// Texts made of shared halves claim half a gigabyte each and are flattened one by one.
const kept = [];

export default {
  fetch() {
    for (let i = 0; ; i += 1) {
      let rope = `rope ${i} of many characters`;
      while (rope.length < 1 << 24) rope += rope;
      kept.push(rope, rope.charCodeAt(i));
    }
  },
};
