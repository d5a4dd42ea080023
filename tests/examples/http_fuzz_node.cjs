// The verdicts of Node's own HTTP parser (llhttp), for http_fuzz.ts: frames on standard input, each a length of 32 bits
// and so many bytes; for each a line of JSON on standard output.
const { HTTPParser, methods } = require("_http_common");

function verdictOf(bytes) {
  const requests = [];
  let code = "";
  let isOver = false;
  let request = null;
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST, {});
  let fields = [];
  let target = "";
  // Where there are many fields, or trailers were before, they come in parts, and the target with them.
  parser[HTTPParser.kOnHeaders | 0] = (more, url) => {
    fields = fields.concat(more);
    target += url;
  };
  parser[HTTPParser.kOnHeadersComplete | 0] = (
    major,
    minor,
    headers,
    method,
    url,
    _status,
    _message,
    _upgrade,
    keepsAlive,
  ) => {
    if (isOver) return;
    url ??= target;
    target = "";
    const all = fields.concat(headers ?? []);
    fields = [];
    const hosts = all.filter((name, at) =>
      at % 2 === 0 && name.toLowerCase() === "host"
    );
    // What node:http itself asks for, above the parser.
    if (major === 1 && minor === 1 && hosts.length === 0) {
      code = "NO_HOST";
      isOver = true;
    }
    request = { head: `${methods[method]} ${url}`, body: "", keepsAlive };
  };
  parser[HTTPParser.kOnBody | 0] = (body) => {
    if (request) request.body += body.toString("latin1");
  };
  parser[HTTPParser.kOnMessageComplete | 0] = () => {
    if (isOver || !request) return;
    requests.push(`${request.head} ${request.body}`);
    isOver = !request.keepsAlive;
    request = null;
    fields = [];
    target = "";
  };
  const result = parser.execute(bytes);
  if (!isOver && result instanceof Error) code = result.code;
  parser.close();
  return { requests, code };
}

let rest = Buffer.alloc(0);
process.stdin.on("data", (data) => {
  rest = Buffer.concat([rest, data]);
  let at = 0;
  let lines = "";
  while (rest.length - at >= 4) {
    const end = at + 4 + rest.readUInt32LE(at);
    if (end > rest.length) break;
    lines += `${JSON.stringify(verdictOf(rest.subarray(at + 4, end)))}\n`;
    at = end;
  }
  rest = rest.subarray(at);
  process.stdout.write(lines);
});
