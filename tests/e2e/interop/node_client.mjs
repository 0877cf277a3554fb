// Asks the contract with Node: BASE HOW ENTRY..., where HOW is `fetch` or `http2`, and prints what it saw, one JSON
// object a line.
import { createHash } from "node:crypto";
import http2 from "node:http2";

const large = Buffer.alloc(1024 * 1024, Buffer.from([...Array(251).keys()]));
const checks = ["small", "large", "echo", "stream", "head", "missing", "moved"];
const [base, how, ...entries] = process.argv.slice(2);

const ask = (entry, check) => ({
  method: check === "head" ? "HEAD" : check === "echo" ? "POST" : "GET",
  path: `/${entry}/${check === "head" ? "large" : check}`,
  body: check === "echo" ? large : undefined,
});

const byFetch = async (entry, check) => {
  const { method, path, body } = ask(entry, check);
  const response = await fetch(base + path, { method, body, redirect: "manual" });
  const content = Buffer.from(await response.arrayBuffer());
  const field = (name) => response.headers.get(name);
  return { version: "HTTP/1.1", status: response.status, content, field };
};

const byHttp2 = (session) => (entry, check) => new Promise((resolve, reject) => {
  const { method, path, body } = ask(entry, check);
  const request = session.request({ ":method": method, ":path": path, te: "trailers" });
  const pieces = [];
  let head, trailers = {};
  request.on("response", (fields) => (head = fields));
  request.on("trailers", (fields) => (trailers = fields));
  request.on("data", (data) => pieces.push(data));
  request.on("error", reject);
  request.on("end", () => resolve({
    version: "HTTP/2",
    status: head[":status"],
    content: Buffer.concat(pieces),
    field: (name) => head[name] ?? null,
    trailer: trailers["x-check"],
  }));
  request.end(body);
});

const session = how === "http2" ? http2.connect(base) : null;
const get = session ? byHttp2(session) : byFetch;
for (const entry of entries) {
  for (const check of session ? [...checks, "trailers"] : checks) {
    const seen = await get(entry, check);
    console.log(JSON.stringify({
      entry,
      check,
      version: seen.version,
      status: seen.status,
      sha256: createHash("sha256").update(seen.content).digest("hex"),
      "content-length": seen.field("content-length"),
      location: seen.field("location"),
      trailer: seen.trailer ?? null,
    }));
  }
}
session?.close();
