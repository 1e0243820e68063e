// structuredClone of a structure whose shared parts hold getters that add to it while it is
// written.
export default {
  fetch() {
    const list = [];
    const bomb = () => ({
      get left() {
        list.push(bomb());
        return new Map([[bomb(), new Set(list)]]);
      },
      right: new Date(0),
    });
    list.push(bomb());
    return Response.json(structuredClone({ list }));
  },
};
