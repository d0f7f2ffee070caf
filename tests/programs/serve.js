const port = process.argv[2].replace('--port=', '')
require('http').createServer((_, to) => {
    require('fs').readFile('site/a.js', (_, text) => to.end(text))
}).listen(Number(port), '127.0.0.1')
