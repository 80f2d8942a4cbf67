/** The page of the demo. It uses the browser's own `WebSocket`. */

export const page: string = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sockeye chat</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
  ol { list-style: none; padding: 0; min-height: 12rem; border: 1px solid #ccc; border-radius: 6px; padding: 0.5rem 1rem; }
  form { display: flex; gap: 0.5rem; }
  input { font: inherit; padding: 0.3rem 0.6rem; }
  #text { flex: 1; }
  button { font: inherit; padding: 0.3rem 1rem; }
  #state { color: #666; }
</style>
<h1>Sockeye chat</h1>
<p id="state" role="status">Connecting …</p>
<ol id="messages" aria-live="polite"></ol>
<form id="form">
  <input id="name" value="Guest" aria-label="Your name" size="8">
  <input id="text" placeholder="Say something" aria-label="Message" autocomplete="off" autofocus>
  <button>Send</button>
</form>
<script>
  const state = document.querySelector("#state"), messages = document.querySelector("#messages");
  const text = document.querySelector("#text"), name = document.querySelector("#name");
  const socket = new WebSocket("ws://" + location.host + "/chat");
  socket.onopen = () => state.textContent = "Connected";
  socket.onclose = (event) => state.textContent = "Closed: " + event.code + " " + event.reason;
  socket.onmessage = (event) => {
    const item = document.createElement("li");
    item.textContent = event.data;
    messages.append(item);
  };
  document.querySelector("#form").onsubmit = (event) => {
    event.preventDefault();
    if (text.value !== "" && socket.readyState === WebSocket.OPEN) socket.send(name.value + ": " + text.value);
    text.value = "";
  };
</script>
</html>
`;
