"""What every server of the matrix answers, so that a client can be asked the same of each."""

LARGE = bytes(range(251)) * (1024 * 1024 // 251 + 1)
LARGE = LARGE[: 1024 * 1024]
PIECE = LARGE[:1024]
PIECES = 64
TRAILER = ("x-check", "done")

PAGE = """<!doctype html><title>interop</title><script>
const say = (report) => fetch("/aiohttp/report", { method: "POST", body: JSON.stringify(report) });
const talk = (path, waits) => new Promise((resolve) => {
  const socket = new WebSocket(`wss://${location.host}${path}`);
  const heard = [];
  socket.onopen = () => { socket.send("one"); socket.send("x".repeat(70000)); };
  socket.onmessage = (message) => {
    heard.push(message.data.length);
    if (heard.length < 2) return;
    socket.close();
    if (!waits) resolve({ heard });
  };
  socket.onclose = (event) => resolve({ heard, clean: event.wasClean });
  socket.onerror = () => resolve({ heard, clean: false });
});
(async () => {
  const bodies = await Promise.all([...Array(20).keys()].map((number) =>
    fetch(`/aiohttp/large?${number}`).then((response) => response.arrayBuffer())));
  const posted = await fetch("/aiohttp/echo", { method: "POST", body: new Uint8Array(300000) });
  const sockets = [await talk("/aiohttp/ws", true), await talk("/hypercorn-h2c/ws", false)];
  const entries = performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"));
  await say({
    lengths: bodies.map((body) => body.byteLength).reduce((sum, length) => sum + length, 0),
    posted: (await posted.arrayBuffer()).byteLength,
    sockets,
    protocols: [...new Set(entries.map((entry) => entry.nextHopProtocol))],
  });
})().catch((error) => say({ error: String(error) }));
</script>"""
