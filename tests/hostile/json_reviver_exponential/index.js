// A JSON reviver that parses again at every value doubles the work without end.
function reviver(key, value) {
  try {
    return JSON.parse("[1,2,3,4]", reviver);
  } catch {
    return JSON.parse("[5,6]", () => value);
  }
}

export default {
  fetch() {
    return Response.json(JSON.parse("[0]", reviver));
  },
};
