// Subrequests to loopback, link-local, private and mapped addresses in every spelling.
const targets = [
  "http://127.0.0.1/", "http://127.1/", "http://0x7f000001/", "http://2130706433/", "http://0/",
  "http://017700000001/", "http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/",
  "http://[::ffff:a9fe:a9fe]/", "http://[64:ff9b::7f00:1]/", "http://[fe80::1]/",
  "http://[fd00::1]/",
  "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://172.16.0.1/",
  "http://192.168.0.1/", "http://100.64.0.1/", "http://localhost/", "http://LOCALHOST./",
  "http://a.localhost/", "http://\u2460\u2461\u2466.0.0.1/", "http://127.0.0.1.:80/",
  "http://224.0.0.1/",
  "http://255.255.255.255/", "http://[2002:7f00:1::]/", "http://192.0.0.1/", "http://198.18.0.1/",
];

export default {
  async fetch() {
    const leaks = [];
    for (const target of targets) {
      try {
        const response = await fetch(target, { redirect: "manual" });
        leaks.push(`${target} ${response.status}`);
      } catch (error) {
        if (!(error instanceof TypeError)) leaks.push(`${target} ${error}`);
      }
    }
    return new Response(leaks.length === 0 ? "contained" : `LEAKED: ${leaks.join("\n")}`);
  },
};
