// One Headers object gets values that are appended to for ever, and is copied each time.
export default {
  fetch() {
    let headers = new Headers();
    for (let i = 0; ; i += 1) {
      headers.append("x", "y".repeat(1000));
      headers.append(`x-${i}`, "z");
      headers.append("set-cookie", `c${i}=1`);
      headers = new Headers([...headers]);
      if (headers.get("x").length < 1000 || headers.getSetCookie().length !== i + 1) break;
    }
    return new Response("lost a header");
  },
};
