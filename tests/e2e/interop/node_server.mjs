// The contract by Node: PORT (HTTP/1) PORT (HTTP/2 in the clear) PORT (HTTP/2 over TLS) CERT KEY.
import http from "node:http";
import http2 from "node:http2";
import { readFileSync } from "node:fs";

const large = Buffer.alloc(1024 * 1024, Buffer.from([...Array(251).keys()]));
const piece = large.subarray(0, 1024);

const stream = (response) => {
  for (let count = 0; count < 64; count += 1) response.write(piece);
};

const answer = (request, response) => {
  switch (request.url) {
    case "/small":
      return response.end("small");
    case "/large":
      response.setHeader("content-length", large.length);
      return response.end(large);
    case "/echo": {
      const pieces = [];
      request.on("data", (data) => pieces.push(data));
      return request.on("end", () => response.end(Buffer.concat(pieces)));
    }
    case "/stream":
      stream(response);
      return response.end();
    case "/trailers":
      response.setHeader("trailer", "x-check");
      stream(response);
      response.addTrailers({ "x-check": "done" });
      return response.end();
    case "/moved":
      response.writeHead(302, { location: "/elsewhere" });
      return response.end();
    default:
      response.writeHead(404);
      return response.end("not here");
  }
};

const [plain, clear, secure, cert, key] = process.argv.slice(2);
http.createServer(answer).listen(plain, "127.0.0.1");
http2.createServer(answer).listen(clear, "127.0.0.1");
http2.createSecureServer({ cert: readFileSync(cert), key: readFileSync(key) }, answer).listen(secure, "127.0.0.1");
