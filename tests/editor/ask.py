"""What an editor shows of a scenario by its schema: descriptions, completions and mistakes, as the language server for JSON that
VS Code, Neovim, Helix and others use says them.

    ask.py SCHEMA COMMAND...
"""

import json
import pathlib
import subprocess
import sys

schema, command = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
TEXT = """{
  "why": "What does an editor know?",
  "claims": [""],
  "as": [""],
  "ports": { "p": { "concurrency": 1,  } },
  "threads": { "a": [ { "get": "p", "into": 5 } ] },
  "propertie": {}
}
"""
URI = "file:///scenarios/it.json"


class Server:
    """A language server over its standard streams."""

    def __init__(self):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.number = 0
        self.mistakes = None

    def send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def read(self):
        length = 0
        while (line := self.process.stdout.readline().strip()) or not length:
            if not line and self.process.poll() is not None:
                raise RuntimeError("the server has ended")
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return json.loads(self.process.stdout.read(length))

    def answer_to(self, wanted):
        while True:
            message = self.read()
            if message.get("method") == "textDocument/publishDiagnostics":
                self.mistakes = message["params"]["diagnostics"]
                if wanted is None and self.mistakes:
                    return self.mistakes
            elif "method" in message and "id" in message:
                # What the server asks of the editor.
                content = schema.read_text() if message["method"] == "vscode/content" else [{}]
                self.send({"id": message["id"], "result": content})
            elif wanted is not None and message.get("id") == wanted:
                return message.get("result")

    def ask(self, method, params):
        self.number += 1
        self.send({"id": self.number, "method": method, "params": params})
        return self.answer_to(self.number)


def place(word, behind=0):
    line = next(n for n, text in enumerate(TEXT.split("\n")) if word in text)
    return {"textDocument": {"uri": URI}, "position": {"line": line, "character": TEXT.split("\n")[line].index(word) + behind}}


def words(contents):
    if isinstance(contents, list):
        return " ".join(map(words, contents))
    return contents["value"] if isinstance(contents, dict) else contents


server = Server()
capabilities = {"textDocument": {"completion": {"completionItem": {"documentationFormat": ["plaintext"]}}, "hover": {}}}
server.ask("initialize", {"processId": None, "rootUri": None, "capabilities": capabilities, "initializationOptions": {"provideFormatter": False}})
server.send({"method": "initialized", "params": {}})
association = {"fileMatch": ["/scenarios/**/*.json"], "url": schema.as_uri(), "schema": json.loads(schema.read_text())}
server.send({"method": "workspace/didChangeConfiguration", "params": {"settings": {"json": {"schemas": [association], "validate": {"enable": True}}}}})
server.send({"method": "textDocument/didOpen", "params": {"textDocument": {"uri": URI, "languageId": "json", "version": 1, "text": TEXT}}})

says = words(server.ask("textDocument/hover", place("concurrency", 2))["contents"])
assert "Threads that may run at once" in says, says
says = words(server.ask("textDocument/hover", place('"into"', 2))["contents"])
assert len(says) > 10, says


def offers(word, behind):
    found = server.ask("textDocument/completion", place(word, behind))
    return {item["label"].strip('"'): item for item in (found["items"] if isinstance(found, dict) else found)}


claims = offers('"claims": [""]', 12)
assert "windows/lifo" in claims and "epoll/lifo" in claims, list(claims)[:5]
about = claims["windows/lifo"].get("documentation", "")
assert "released first" in words(about), about
assert {"windows", "epoll", "kqueue"} <= set(offers('"as": [""]', 8))
port = offers('"concurrency": 1, ', 18)
assert "named" in port and "entries" in port, list(port)

mistakes = server.mistakes or server.answer_to(None)
said = " ".join(it["message"] for it in mistakes)
assert "propertie" in said, said
server.process.kill()
print(f"an editor offers {len(claims)} claims, describes fields, and sees {len(mistakes)} mistakes")
