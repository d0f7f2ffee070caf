"""The page of `portsim`, in a real browser: what a person does with it, and what hostile text cannot do.

It needs the paths of portsim, chromedriver and chromium in PORTSIM, CHROMEDRIVER and CHROMIUM; tests/page.sh sets them.
"""

import http.server
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from driver import Browser  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
PORTSIM = os.environ["PORTSIM"]

POOL = {
    "why": "The second packet waits in the queue until the thread that took the first is done.",
    "as": ["windows", "windows-7", "condvar"],
    "ports": {"p": {"concurrency": 1}},
    "threads": {
        "a": [{"get": "p", "into": "x"}],
        "b": [{"get": "p", "into": "x"}],
        "poster": [{"post": "p", "key": 1}, {"post": "p", "key": 2}],
    },
    "properties": {"always": {"one_waits": "p.depth < 2"}},
}
# Markup, scripts, a change of direction and a control character.
HOSTILE = "</script><script>window.hit = 1</script><img src=x onerror='window.hit = 2'> \u202eevil\u202c \u0007 & \"quoted\""


def setUpModule():
    global folder, browser
    folder = pathlib.Path(tempfile.mkdtemp(prefix="portsim-page-"))
    browser = Browser(os.environ["CHROMEDRIVER"], os.environ["CHROMIUM"], folder / "profile")


def tearDownModule():
    browser.end()
    shutil.rmtree(folder, ignore_errors=True)


def write(name, scenario):
    path = folder / name
    path.write_text(json.dumps(scenario))
    return path


def check(path, *arguments):
    """Has a page written, and opens nothing."""
    page = folder / "page.html"
    page.unlink(missing_ok=True)
    command = [PORTSIM, "check", str(path), "--html", str(page), *arguments]
    said = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert page.exists(), said.stderr
    return page


def show(page, fragment=""):
    browser.open(page.as_uri() + fragment)
    browser.wait("return document.querySelector('header') !== null")


class Walking(unittest.TestCase):
    """Stepping through a scenario, in a file that needs no network."""

    def setUp(self):
        browser.devtools("Network.enable")
        browser.devtools("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0)
        self.page = check(write("pool.json", POOL))
        show(self.page)
        browser.complaints()

    def tearDown(self):
        self.assertEqual(browser.complaints(), [], "the console has nothing to say")
        self.assertEqual(browser.js("return performance.getEntriesByType('resource').length"), 0)
        browser.devtools("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)

    def at(self):
        return int(browser.js("return document.getElementById('at').value"))

    def take(self, key):
        before = self.at()
        browser.click(f"button.take[data-key='{key}']")
        browser.wait("return document.getElementById('at').value === String(arguments[0])", before + 1)

    def steps(self):
        return browser.js("return [...document.querySelectorAll('button.take')].map(it => it.dataset.key)")

    def to_start(self):
        browser.press("Home")
        browser.wait("return document.getElementById('at').value === '0'")

    def test_the_counterexample_is_shown_first(self):
        self.assertEqual(self.at(), 2)
        self.assertEqual(browser.text(".lanes .words"), ["post p key 1", "post p key 2"])
        self.assertIn("one_waits does not hold", "".join(browser.text(".remark.bad")))
        self.assertIn("violation: one_waits, pass was expected", "".join(browser.text(".badge")))
        self.assertIn("portsim check", "".join(browser.text("footer code")))

    def test_a_step_is_taken_and_taken_back(self):
        self.to_start()
        self.assertEqual(self.steps(), ["a", "b", "poster"])
        self.take("a")
        self.assertEqual(browser.text(".lanes .words"), ["get p ..."])
        self.assertIn("a", browser.text(".port .chips li"))
        self.take("poster")
        self.assertIn("= key 1", browser.text(".lanes .words"))
        self.assertIn(" from poster", browser.text(".lanes small"))
        browser.press("Left")
        browser.wait("return document.getElementById('at').value === '1'")
        self.assertIn("runs, next post p key 1", " ".join(browser.text(".row dd")))
        # What was taken is still ahead, and another step forgets it.
        self.assertEqual(len(browser.js("return [...document.querySelectorAll('tbody.ahead')]")), 1)
        self.take("b")
        self.assertEqual(len(browser.js("return [...document.querySelectorAll('tbody.ahead')]")), 0)

    def test_any_moment_can_be_jumped_to(self):
        self.to_start()
        for key in ["a", "b", "poster", "poster", "b"]:
            self.take(key)
        browser.click("tbody[data-step='2'] button.number")
        browser.wait("return document.getElementById('at').value === '2'")
        self.assertEqual(browser.js("return document.querySelector('[aria-current=step]').dataset.step"), "2")
        browser.press("End")
        browser.wait("return document.getElementById('at').value === '5'")

    def test_who_is_held_is_said_with_the_rule_and_its_source(self):
        self.to_start()
        for key in ["a", "b", "poster", "poster"]:
            self.take(key)
        held = " ".join(browser.text(".held"))
        self.assertIn("a in get p", held)
        self.assertIn("windows/limit", held)
        self.assertIn("documented", held)
        browser.click(".held button.link")
        self.assertEqual(browser.js("return document.activeElement.dataset.rule"), "windows/limit")
        self.assertIn("source:", browser.js("return document.activeElement.textContent"))

    def test_what_changed_is_marked(self):
        self.to_start()
        self.take("poster")
        self.assertEqual(browser.text(".port .chips li.new"), ["key 1"])
        self.assertIn(" was empty", browser.text(".was"))

    def test_a_link_is_a_moment(self):
        self.to_start()
        for key in ["a", "b", "poster"]:
            self.take(key)
        browser.press("Left")
        browser.wait("return document.getElementById('at').value === '2'")
        link = browser.js("return location.href")
        lanes = browser.text(".lanes .words")
        browser.open(link)
        browser.wait("return document.getElementById('at')?.value === '2'")
        self.assertEqual(browser.text(".lanes .words"), lanes)
        # One that leads through what is not possible is shown as far as it is.
        show(self.page, "#as=windows&at=3&p=a,a,b")
        browser.wait("return document.getElementById('at')?.value === '1'")
        self.assertIn("Only 1 of 3 steps", "".join(browser.text(".note")))
        for odd in ["#as=%E0%A4%A&p=%", "#at=99999999999&p=,,", "#p", "#as=nobody&at=-1&p=<b>", "#sheet=x"]:
            show(self.page, odd)
            browser.wait("return document.querySelector('h1').textContent === 'pool'")

    def test_keys_do_all_of_it(self):
        self.to_start()
        browser.press("1")
        browser.wait("return document.getElementById('at').value === '1'")
        browser.press("3" if len(self.steps()) > 2 else "2")
        browser.wait("return document.getElementById('at').value === '2'")
        browser.press("/")
        self.assertEqual(browser.js("return document.activeElement.id"), "find")
        # In a field they are letters.
        browser.press("1")
        self.assertEqual(self.at(), 2)

    def test_every_button_can_be_reached_and_has_a_name(self):
        for at in range(3):
            nameless = browser.js("""
                return [...document.querySelectorAll('button, input, select')].filter(it =>
                    !(it.getAttribute('aria-label') || it.textContent.trim() || it.closest('label'))).length""")
            self.assertEqual(nameless, 0, at)
            browser.press("Left")
        self.assertIn("possible", browser.js("return document.getElementById('live').textContent"))
        # Who takes a step by the keyboard stays among the steps.
        self.to_start()
        browser.js("document.querySelector('button.take').focus()")
        browser.press("Enter")
        browser.wait("return document.getElementById('at').value === '1'")
        self.assertTrue(browser.js("return document.activeElement.classList.contains('take')"))

    def test_a_state_is_found_by_the_shortest_way(self):
        self.to_start()
        browser.type("#find", "count(a, parked) + p.waiting == 3 && !(b.x.ok)")
        browser.press("Enter")
        browser.wait("return document.getElementById('at').value === '2'")
        self.assertEqual(browser.text(".lanes .words"), ["get p ...", "get p ..."])
        for wrong, says in [("p.width == 1", "nothing here is called"), ("p.depth ==", "found the end"), ("p.depth == 9", "no state that can be reached")]:
            browser.type("#find", wrong)
            browser.press("Enter")
            browser.wait("return document.querySelector('.note')?.textContent.includes(arguments[0])", says)

    def test_to_rest_and_at_random(self):
        self.to_start()
        browser.click("header button", "to rest")
        browser.wait("return document.querySelectorAll('button.take').length === 0")
        self.assertIn("nobody can move any more", " ".join(browser.text(".right section p")))
        for _ in range(3):
            self.to_start()
            browser.press("r")
            browser.wait("return document.querySelectorAll('button.take').length === 0")

    def test_it_is_readable_narrow_and_large(self):
        for width, scale in [(390, 1), (640, 2), (1280, 1)]:
            browser.devtools("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=scale, mobile=False)
            show(self.page, "#as=windows&at=4&p=a,b,poster,poster")
            wide = browser.js("return document.documentElement.scrollWidth")
            self.assertLessEqual(wide, width, "nothing is cut off at the right")
        browser.devtools("Emulation.clearDeviceMetricsOverride")

    def test_light_and_dark_have_contrast(self):
        for scheme in ["light", "dark"]:
            browser.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            show(self.page, "#as=windows&at=4&p=a,b,poster,poster")
            poor = browser.js(CONTRAST)
            self.assertEqual(poor, [], scheme)
        browser.devtools("Emulation.setEmulatedMedia", features=[])


# Text with less contrast to what is behind it than WCAG's AA asks for.
CONTRAST = """
const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map(it => it / 255).map(it => it <= 0.03928 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4)
    .reduce((sum, it, n) => sum + it * [0.2126, 0.7152, 0.0722][n], 0);
const behind = (it) => {
    for (; it; it = it.parentElement) {
        const colour = numbers(getComputedStyle(it).backgroundColor);
        if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
};
const poor = [];
for (const it of document.querySelectorAll('body *')) {
    const own = [...it.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || !it.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) continue;
    if (it.closest('button:disabled, .ahead, .unseen, script, style, noscript')) continue;
    const [a, b] = [light(numbers(getComputedStyle(it).color)), light(behind(it))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) poor.push([it.textContent.slice(0, 40), getComputedStyle(it).color, behind(it).join()]);
}
return poor;
"""


class SideBySide(unittest.TestCase):
    """Two systems in step."""

    def test_the_first_difference_is_marked(self):
        page = check(write("pool.json", POOL), "--as", "all")
        show(page, "#as=windows,condvar&at=0&p=")
        self.assertEqual(browser.text(".lane-section h2"), ["windows", "condvar"])
        for key in ["a", "b", "poster", "poster"]:
            browser.click(f"button.take[data-key='{key}']")
            browser.wait("return location.hash.endsWith(arguments[0])", key)
        # The condition variable wakes the oldest, the port hands to the newest.
        self.assertEqual(browser.js("return [...document.querySelectorAll('tbody.parts')].map(it => it.dataset.step)"), ["3", "3"])
        self.assertIn("differ for the first time", " ".join(browser.text(".pill.bad")))
        show(page, "#as=windows,windows-7&at=4&p=a,b,poster,poster")
        self.assertEqual(browser.text("tbody.parts"), [])
        # One more system takes the place of the older of two, and one alone can be shown.
        browser.click(".chip", "condvar")
        browser.wait("return document.querySelectorAll('.lane-section h2')[1]?.textContent === 'condvar'")
        browser.click(".chip", "condvar")
        browser.wait("return document.querySelectorAll('.lane-section').length === 1")
        browser.complaints()


class Served(unittest.TestCase):
    """A page whose states come from a process."""

    def setUp(self):
        command = [PORTSIM, "explore", str(ROOT / "scenarios/bench/pool-5-2-2-5.json"), "--no-open", "--quiet", "--search", "1"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self.address = self.process.stdout.readline().strip()

    def tearDown(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        browser.complaints()

    def test_states_come_as_they_are_asked_for(self):
        browser.open(self.address)
        browser.wait("return document.querySelector('header') !== null")
        began = browser.js("return app.course.sides[0].data.states.length")
        browser.press("r")
        browser.wait("return document.querySelectorAll('button.take').length === 0")
        self.assertIn("nobody can move any more", " ".join(browser.text(".right section p")))
        self.assertGreater(browser.js("return app.course.sides[0].data.states.length"), began)
        # A link to that moment asks for all of it anew.
        link, lanes = browser.js("return location.href"), browser.text(".lanes .words")
        browser.open(link)
        browser.wait("return document.querySelectorAll('.lanes .words').length === arguments[0]", len(lanes))
        self.assertEqual(browser.text(".lanes .words"), lanes)
        browser.press("Home")
        browser.wait("return document.getElementById('at').value === '0'")
        browser.type("#find", "p.delivered == 5 || p.depth == 2 && p.waiting == 0 && p.running == 2")
        browser.press("Enter")
        browser.wait("return Number(document.getElementById('at').value) > 2 || document.querySelector('.note')", seconds=60)

    def test_it_follows_its_file(self):
        path = write("followed.json", POOL)
        command = [PORTSIM, "explore", str(path), "--no-open", "--quiet"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        try:
            browser.open(process.stdout.readline().strip() + "#as=windows&at=1&p=a,poster")
            browser.wait("return document.getElementById('at')?.value === '1'")
            path.write_text('{ "why": 1')
            browser.wait("return document.querySelector('.note')?.textContent.includes('followed.json')")
            write("followed.json", {**POOL, "why": "It is another one now."})
            browser.wait("return document.querySelector('.why')?.textContent === 'It is another one now.'")
            # At the same moment.
            browser.wait("return document.getElementById('at')?.value === '1'")
            self.assertEqual(browser.text(".lanes .words"), ["get p ...", "post p key 1", "= key 1"])
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def test_its_end_is_said(self):
        browser.open(self.address)
        browser.wait("return document.querySelector('header') !== null")
        self.process.kill()
        self.process.wait()
        browser.press("r")
        browser.wait("return document.querySelector('.right section p')?.textContent.includes('has ended')")

    def test_a_page_of_another_origin_reads_and_drives_nothing(self):
        target = self.address
        query = "states?generation=0&side=0&state=0&more=1000&claims=0&values=0&steps=0&events=0&held=0&wrongs=0&states=0"
        attempts = """
            const tries = [
                fetch(TARGET).then(it => it.text()),
                fetch(TARGET, { mode: 'no-cors' }).then(it => it.text()),
                fetch(TARGET + QUERY, { method: 'POST' }).then(it => it.text()),
                fetch(TARGET + QUERY, { method: 'POST', mode: 'no-cors' }).then(it => it.text()),
                new Promise((yes, no) => { const it = new Image(); it.onload = () => yes('image'); it.onerror = no; it.src = TARGET; }),
                new Promise((yes, no) => { const it = document.createElement('script'); it.onload = () => yes('script'); it.onerror = no; it.src = TARGET; document.body.append(it); }),
                new Promise((yes) => { const it = document.createElement('iframe'); it.onload = () => { let text = ''; try { text = it.contentDocument.body.innerText } catch {} yes(text) }; it.src = TARGET; document.body.append(it); }),
            ];
            return Promise.allSettled(tries).then(all => all.map(it => it.status === 'fulfilled' ? it.value : ''))"""

        class Evil(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<!doctype html><title>evil</title><body>")

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Evil)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            browser.open(f"http://localhost:{server.server_port}/")
            attempts = attempts.replace("TARGET", json.dumps(target)).replace("QUERY", json.dumps(query))
            # It knows the whole address, and gets nothing for it.
            self.assertEqual([it for it in browser.js(attempts) if it], [])
        finally:
            server.shutdown()
            server.server_close()
        # Nothing was found out that the page had not asked for.
        browser.open(target)
        browser.wait("return document.querySelector('header') !== null")
        began = browser.js("return read('sheet-0').sides[0].states.states.length")
        self.assertLess(began, 2200)

    def test_a_name_that_leads_here_is_not_this_address(self):
        browser.open(self.address.replace("127.0.0.1", "localhost"))
        self.assertEqual(browser.js("return document.querySelector('header')"), None)
        self.assertIn("not for you", browser.js("return document.body.innerText"))


class Recordings(unittest.TestCase):
    """Traces on a page."""

    def test_a_refused_trace_says_what_was_allowed(self):
        page = folder / "refused.html"
        subprocess.run([PORTSIM, "explore", "traces/refused/epoll-oldest-waiter-first.jsonl", "--html", str(page)], capture_output=True, cwd=ROOT)
        show(page)
        refused = " ".join(browser.text("tbody.refused"))
        self.assertIn("the recording shows", refused)
        self.assertIn("the model allows", refused)
        # What is allowed can be done.
        before = browser.js("return document.getElementById('at').value")
        browser.click("button.take[data-key]:first-of-type") if len(browser.text("button.take")) == 1 else browser.press("1")
        browser.wait("return document.getElementById('at').value !== arguments[0]", before)
        self.assertEqual(browser.text("tbody.refused"), [])

    def test_a_broken_invariant_ends_a_run(self):
        show(check(ROOT / "scenarios/bugs/cancelling-request-shared.json"))
        self.assertIn("an invariant is broken", " ".join(browser.text(".right section p")))
        # What is pending has not failed.
        self.assertEqual(len(browser.text("td.failed")), 1)

    def test_full_speed_is_shown_as_intervals(self):
        page = folder / "free.html"
        subprocess.run([PORTSIM, "admit", "traces/refused/windows-taken-twice-at-full-speed.jsonl", "--html", str(page)], capture_output=True, cwd=ROOT)
        show(page)
        self.assertEqual(len(browser.text(".interval")), 7)
        self.assertEqual(len(browser.text(".interval.refused")), 1)
        tops = browser.js("return [...document.querySelectorAll('.interval')].map(it => it.getBoundingClientRect().top)")
        self.assertEqual(tops, sorted(tops), "time runs down")
        self.assertEqual(browser.complaints(), [])


class Hostile(unittest.TestCase):
    """What people write into scenarios is text, whatever it looks like."""

    def test_it_shows_as_text(self):
        scenario = {
            **POOL,
            "why": HOSTILE.replace("\u0007", "").replace("\u202e", "").replace("\u202c", ""),
            "threads": {**POOL["threads"], "poster": [{"note": HOSTILE}, *POOL["threads"]["poster"]]},
        }
        name = "<img src=x onerror=window.hit=3>&\"'.json"
        show(check(write(name, scenario)))
        self.assertIsNone(browser.js("return window.hit ?? null"))
        self.assertEqual(browser.js("return document.querySelectorAll('img').length"), 0)
        self.assertEqual(browser.js("return document.querySelectorAll('script:not([type])').length"), 1)
        self.assertIn("<img src=x onerror=window.hit=3>", browser.text("h1")[0])
        self.assertIn("</script><script>window.hit = 1</script>", browser.text(".why")[0])
        words = " ".join(browser.text(".lanes .words") + browser.text(".take"))
        seen = browser.js("return document.body.innerText")
        for steers in "\u202e\u202c\u0007":
            self.assertNotIn(steers, seen + words)
        browser.press("Home")
        browser.wait("return document.getElementById('at').value === '0'")
        self.assertIn("onerror", " ".join(browser.text(".take")))
        self.assertIsNone(browser.js("return window.hit ?? null"))
        # Even a script that got in would not run: the policy names the only one that may.
        browser.js("const it = document.createElement('script'); it.textContent = 'window.hit = 4'; document.body.append(it)")
        self.assertIsNone(browser.js("return window.hit ?? null"))
        browser.complaints()


@unittest.skipUnless(os.environ.get("AXE"), "axe-core is not here")
class Accessible(unittest.TestCase):
    """What a checker of accessibility has to say: roles, names, order of headings, contrast."""

    def test_axe_finds_nothing(self):
        def kept(name, *arguments):
            return pathlib.Path(shutil.copy(check(*arguments), folder / f"{name}.html"))

        pool = write("pool.json", POOL)
        pages = {
            "two systems": (kept("two", pool, "--as", "all"), "#as=windows,condvar&at=4&p=a,b,poster,poster"),
            "one": (kept("one", pool), "#as=windows&at=1&p=poster,poster"),
            "a folder": (kept("folder", ROOT / "scenarios/for-ever"), ""),
        }
        for name, source in [("refused", "traces/refused/epoll-oldest-waiter-first.jsonl"), ("full speed", "traces/refused/windows-taken-twice-at-full-speed.jsonl")]:
            page = folder / f"{name.replace(' ', '-')}.html"
            subprocess.run([PORTSIM, "explore", source, "--html", str(page)], capture_output=True, cwd=ROOT)
            pages[name] = (page, "")
        axe = pathlib.Path(os.environ["AXE"]).read_text()
        for name, (page, fragment) in pages.items():
            for scheme in ["light", "dark"]:
                browser.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
                show(page, fragment)
                browser.js(axe + "; return 1")
                found = browser.js("return axe.run(document).then(all => all.violations.map(it => [it.id, it.nodes.map(node => node.html)]))")
                self.assertEqual(found, [], f"{name}, {scheme}")
        browser.devtools("Emulation.setEmulatedMedia", features=[])


class Expressions(unittest.TestCase):
    """The page and the model understand expressions alike."""

    def test_properties_have_the_values_that_the_model_gave_them(self):
        scenarios = sorted((ROOT / "scenarios").rglob("*.json"))
        some = [it for n, it in enumerate(scenarios) if n % 9 == 0]
        page = folder / "some.html"
        command = [PORTSIM, "check", *map(str, some), "--html", str(page), "--html-states", "20000", "--quiet"]
        subprocess.run(command, capture_output=True, cwd=ROOT)
        show(page)
        compared = browser.js("""
            let compared = 0;
            for (let n = 0; n < page.sheets.length; n += 1) {
                const sheet = read(`sheet-${n}`);
                for (const side of sheet.sides.filter(it => it.states)) {
                    const states = new States(side.states, constants, null);
                    const trees = side.states.properties.map(([, , text]) => parseExpression(text));
                    for (let state = 0; state < side.states.states.length; state += 1) {
                        const facts = states.facts(state).filter(it => it.about === 'property');
                        const terms = states.terms(state);
                        trees.forEach((tree, place) => {
                            const value = evaluate(tree, terms, null, true);
                            const is = value === null ? 'has no value' : value !== 0n;
                            if (is !== facts[place].is) throw new Error(`${sheet.name} ${state} ${side.states.properties[place]}`);
                            compared += 1;
                        });
                    }
                }
            }
            return compared;""")
        print(f"{compared} values of properties compared, of {len(some)} scenarios")
        self.assertGreater(compared, 2_000)


class Many(unittest.TestCase):
    """Reports on folders, and large scenarios."""

    def test_a_folder_has_an_overview(self):
        page = folder / "bugs.html"
        subprocess.run([PORTSIM, "check", "scenarios/bugs", "--html", str(page), "--quiet"], capture_output=True, cwd=ROOT)
        show(page)
        rows = len(browser.text(".overview tbody tr"))
        self.assertGreater(rows, 100)
        browser.type("#filter", "buffer dropped")
        shown = browser.js("return [...document.querySelectorAll('.overview tbody tr')].filter(it => !it.hidden).length")
        self.assertTrue(0 < shown < 5, shown)
        browser.click(".overview tbody tr:not([hidden]) button.link", "bugs/buffer-dropped-with-the-future")
        browser.wait("return document.querySelector('h1').textContent === 'bugs/buffer-dropped-with-the-future'")
        link = browser.js("return location.href")
        browser.click("button.link", "all scenarios")
        browser.wait("return document.querySelector('.overview') !== null")
        browser.open(link)
        browser.wait("return document.querySelector('h1')?.textContent === 'bugs/buffer-dropped-with-the-future'")

    def test_twenty_thousand_states_load_and_step_quickly(self):
        large = ROOT / "scenarios/bench/pool-5-2-2-5.json"
        started = time.monotonic()
        page = check(large, "--html-states", "20000")
        written = time.monotonic() - started
        show(page)
        loaded = browser.js("return performance.now()")
        states = browser.js("return app.course.sides[0].data.states.length")
        steps = browser.js("""
            const done = []; let chain = app.start([], 0);
            return chain.then(async () => {
                for (let n = 0; n < 20; n += 1) {
                    const possible = await app.course.possible();
                    if (!possible.length) break;
                    const since = performance.now();
                    await app.take(possible[n % possible.length].key);
                    document.body.getBoundingClientRect();
                    done.push(performance.now() - since);
                }
                return done;
            });""")
        size = page.stat().st_size
        packed = len(__import__("zlib").compress(page.read_bytes(), 9))
        print(f"{states} states: {size / 1e6:.1f} MB, {(packed - 20_000) / states:.0f} bytes a state compressed, written in {written:.1f} s,"
              f" loaded in {loaded:.0f} ms, a step took {max(steps):.0f} ms at most of {len(steps)}")
        self.assertGreaterEqual(states, 20_000)
        self.assertIn("were the bound", " ".join(browser.text("footer")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
