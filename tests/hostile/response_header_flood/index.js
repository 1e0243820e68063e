// A response with many thousand set-cookie headers, far more than one may have.
export default {
  fetch() {
    const response = new Response("ok");
    for (let i = 0; i < 3000; i += 1) response.headers.append("set-cookie", `c${i}=${i}; Path=/`);
    response.headers.delete("x");
    return response;
  },
};
