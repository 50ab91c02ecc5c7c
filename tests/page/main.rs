//! The page at the admin address, in a browser: what it shows of names that want to hurt, whom it asks, how it is used without a mouse,
//! on a phone, in the dark, and without sight.

#![allow(clippy::unwrap_used)]

mod browser;
mod scene;
#[path = "../support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};

use self::browser::{DARK, LIGHT, NARROW, Page, browser};
use self::scene::{MARKUP, SERVER_NAME, Scene, long};
use self::support::{Gateway, scratch_with};

const PANELS: [&str; 11] = [
    "topology",
    "listeners",
    "services",
    "datacenters",
    "certificates",
    "intentions",
    "generations",
    "problems",
    "connections",
    "tap",
    "ask",
];

/// Clicks a tab and waits until its panel is there.
#[track_caller]
fn click(page: &mut Page<'_>, panel: &str) {
    page.value(&format!("document.getElementById('tab-{panel}').click()"));
    page.until(
        &format!("{panel} is drawn"),
        &format!(
            "document.querySelector('#panel').getAttribute('aria-labelledby') === 'tab-{panel}' \
             && ('{panel}' === 'ask' || document.querySelector('#drawn').childElementCount > 0 && !document.querySelector('#drawn').innerText.startsWith('Asking'))"
        ),
    );
}

/// Asks where a request goes, under "Try it".
fn ask(page: &mut Page<'_>, url: &str, header: &str) {
    page.value(&format!(
        "(() => {{ const form = document.querySelector('form.ask'); form.elements.url.value = {}; form.elements.headers.value = {}; \
         form.requestSubmit(); }})()",
        json!(url),
        json!(header)
    ));
    page.until("there is an answer", "document.querySelector('.answer .verdict') !== null");
}

/// Fills in fields of the filter under "Live", and starts.
#[track_caller]
fn watch(page: &mut Page<'_>, filter: &Value) {
    page.value(&format!(
        "(() => {{ const form = document.querySelector('form.tap'); for (const [name, value] of Object.entries({filter})) form.elements[name].value = value; \
         form.requestSubmit(); }})()"
    ));
    page.until("it watches", "document.querySelector('#tap-is').innerText === 'Watching.'");
}

/// Watches a request of which everything is markup.
#[track_caller]
fn watch_markup(page: &mut Page<'_>, scene: &Scene) {
    watch(page, &json!({"header": "x-test", "host": "a.test"}));
    scene.request("/<img/src=x/onerror=window.hurt=1>");
    page.until("the request is told", "document.querySelector('#drawn tbody') !== null");
}

#[test]
fn every_panel_shows_names_that_are_markup_as_text_and_asks_nobody_but_the_gateway() {
    let scene = Scene::start("page-hostile").busy();
    let browser = browser();
    let mut page = Page::new(&browser);
    page.look_as(LIGHT);
    page.open(&scene.url());
    let mut shown = String::new();
    for panel in PANELS {
        click(&mut page, panel);
        if panel == "ask" {
            ask(&mut page, &format!("http://{}/{}", scene.ingress, "%3Cimg%3E"), &format!("x-test: {MARKUP}"));
        }
        if panel == "tap" {
            watch_markup(&mut page, &scene);
            let told = page.text("document.querySelector('#drawn').innerText");
            assert!(told.contains(&format!("x-test: {MARKUP}")) && told.contains("/<img/src=x/onerror=window.hurt=1>"), "{told}");
        }
        if panel == "connections" {
            page.until("the connection is there", "document.querySelector('#drawn tbody') !== null");
        }
        shown += &page.text("document.querySelector('main').innerText");
        let foreign =
            page.value("document.querySelectorAll('img, iframe, object, embed, audio, video, body script:not([type=module])').length");
        assert_eq!(foreign, 0, "{panel}");
    }
    assert_eq!(page.value("window.hurt === undefined"), true);
    for told in [MARKUP, SERVER_NAME, &long(), r"pay\u{202e}live\u{202c}evil"] {
        assert!(shown.contains(told), "{told} is nowhere in\n{shown}");
    }
    let asked: Vec<Value> = page.events("Network.requestWillBeSent");
    let elsewhere = |event: &&Value| {
        let url = event["request"]["url"].as_str().unwrap();
        !url.starts_with(&scene.url()) && url != "data:,"
    };
    assert!(asked.len() > PANELS.len(), "{}", asked.len());
    assert_eq!(asked.iter().find(elsewhere), None);
    assert_eq!(page.complaints(), Vec::<Value>::new());
    // What looks for complaints sees one, and the policy stops what is none of the page's.
    page.value("document.body.append(Object.assign(document.createElement('img'), { src: '/elsewhere.png' }))");
    page.value("document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.hurt = 1' }))");
    page.until("the policy stops it", "window.hurt === undefined");
    assert!(page.complaints().iter().any(|told| told.to_string().contains("Content Security Policy")), "{:?}", page.complaints());
}

#[test]
fn it_fits_from_360_pixels_on_in_light_and_in_the_dark() {
    let scene = Scene::start("page-forms").busy();
    let browser = browser();
    let mut page = Page::new(&browser);
    for form in [LIGHT, DARK, NARROW] {
        page.look_as(form);
        page.open(&format!("{}?{}", scene.url(), form.name));
        for panel in PANELS {
            click(&mut page, panel);
            if panel == "ask" {
                ask(&mut page, &format!("http://{}/x", scene.ingress), &format!("x-test: {MARKUP}"));
            }
            if panel == "tap" {
                watch_markup(&mut page, &scene);
            }
            page.value("document.querySelectorAll('details').forEach((details) => { details.open = true; })");
            let tab = format!("document.getElementById('tab-{panel}').getBoundingClientRect()");
            page.until("its tab is in sight", &format!("{tab}.left >= 0 && {tab}.right < document.documentElement.clientWidth + 1"));
            let wide = page.value("document.documentElement.scrollWidth");
            assert!(wide.as_u64().unwrap() <= u64::from(form.width), "{panel} is {wide} pixels wide in {form:?}");
            page.picture(&format!("{}-{panel}", form.name));
        }
        let ground = page.text("getComputedStyle(document.body).backgroundColor");
        let first: u32 = ground.trim_start_matches(|c: char| !c.is_ascii_digit()).split(',').next().unwrap().trim().parse().unwrap();
        assert_eq!(first > 128, form.scheme == "light", "{ground} in {form:?}");
    }
}

/// The source of axe-core, fetched where it is missing.
fn axe() -> &'static str {
    static SOURCE: OnceLock<String> = OnceLock::new();
    SOURCE.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("axe");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/axe");
        let made = Command::new(script).arg(&folder).status().expect("a shell");
        assert!(made.success(), "axe-core of tests/page/requirements.txt cannot be had; pip's words stand above");
        std::fs::read_to_string(folder.join("axe.min.js")).unwrap()
    })
}

/// What axe finds wrong, in a line each.
fn violations(page: &mut Page<'_>) -> Vec<String> {
    let told = page.text("axe.run(document, { resultTypes: ['violations'] }).then((found) => JSON.stringify(found.violations))");
    let found: Vec<Value> = serde_json::from_str(&told).unwrap();
    let line = |of: &Value| {
        let nodes = of["nodes"].as_array().unwrap().iter().take(3);
        let nodes: Vec<String> = nodes.map(|node| format!("{} {}", node["html"], node["any"][0]["message"])).collect();
        format!("{}: {}: {}", of["id"], of["help"], nodes.join(" | "))
    };
    found.iter().map(line).collect()
}

#[test]
fn axe_finds_nothing_wrong_with_any_panel_in_any_form() {
    let scene = Scene::start("page-axe").busy();
    let browser = browser();
    let mut page = Page::new(&browser);
    let mut wrong = Vec::new();
    for form in [LIGHT, DARK, NARROW] {
        page.look_as(form);
        page.open(&format!("{}?{}", scene.url(), form.name));
        page.value(&format!("{}; 0", axe()));
        for panel in PANELS {
            click(&mut page, panel);
            if panel == "ask" {
                ask(&mut page, &format!("http://{}/x", scene.ingress), "x-test: 1");
            }
            if panel == "tap" {
                wrong.extend(violations(&mut page).into_iter().map(|violation| format!("{} {panel}, stopped: {violation}", form.name)));
                watch_markup(&mut page, &scene);
            }
            wrong.extend(violations(&mut page).into_iter().map(|violation| format!("{} {panel}: {violation}", form.name)));
        }
    }
    assert!(wrong.is_empty(), "{} violations:\n{}", wrong.len(), wrong.join("\n"));
    // A picture without a text would be found.
    page.value("document.querySelector('main').append(document.createElement('img'))");
    assert!(violations(&mut page).iter().any(|violation| violation.contains("image-alt")));
}

/// The controls that can be used: each of a group of which one is a stop of the tab key stands for the group.
const CONTROLS: &str = "[...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')].filter((node) => \
     node.tabIndex >= 0 && !node.disabled && node.getClientRects().length > 0 && (node.type !== 'radio' || node.checked))";

#[test]
fn the_keyboard_alone_reaches_every_control_and_asks_a_question() {
    let scene = Scene::start("page-keys").busy();
    let browser = browser();
    let mut page = Page::new(&browser);
    page.look_as(LIGHT);
    page.open(&scene.url());
    for panel in PANELS {
        click(&mut page, panel);
        // Nothing is drawn anew while the keys are pressed.
        page.value("Object.defineProperty(document, 'hidden', { value: true, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))");
        page.value("document.activeElement.blur(); document.body.setAttribute('tabindex', '-1'); document.body.focus(); document.body.removeAttribute('tabindex')");
        let all = page.value(&format!("{CONTROLS}.length")).as_u64().unwrap();
        page.value("window.reached = new Set()");
        for _ in 0..all + 2 {
            page.press("Tab");
            page.value(
                "(() => { const at = document.activeElement; if (at === document.body) return; window.reached.add(at); const style = getComputedStyle(at); \
                 if (style.outlineStyle === 'none' && !at.matches('.node')) throw new Error(`the focus cannot be seen on ${at.outerHTML}`); })()",
            );
        }
        let left = page.text(&format!("{CONTROLS}.filter((node) => !window.reached.has(node)).map((node) => node.outerHTML).join('\\n')"));
        assert_eq!(left, "", "{panel}");
        page.value("Object.defineProperty(document, 'hidden', { value: false, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))");
    }
    // Arrows go from tab to tab, and from pair to pair in the matrix.
    page.value("document.getElementById('tab-topology').click(); document.getElementById('tab-topology').focus()");
    for _ in 0..5 {
        page.press("ArrowDown");
    }
    page.until("the intentions are shown", "document.activeElement.id === 'tab-intentions' && document.querySelector('.matrix') !== null");
    page.value("document.querySelector('.reach[tabindex=\"0\"]').focus()");
    let first = page.text("document.activeElement.getAttribute('aria-label')");
    page.press("ArrowDown");
    page.press("ArrowRight");
    assert_ne!(page.text("document.activeElement.getAttribute('aria-label')"), first);
    assert_ne!(page.text("document.querySelector('.told').innerText"), "");
    // A question is typed and asked.
    page.value("location.hash = 'ask'");
    page.until("the form is there", "document.querySelector('#ask-url') !== null");
    page.value("document.querySelector('#ask-url').focus()");
    page.type_text(&format!("http://{}/x", scene.ingress));
    page.press("Enter");
    page.until("there is an answer", "document.querySelector('.answer .verdict') !== null");
    assert!(page.text("document.querySelector('.answer').innerText").contains("forwarded to web.default.default.dc1"));
    // What passes is watched, and no more.
    page.value("location.hash = 'tap'");
    page.until("the filter is there", "document.querySelector('#tap-path_prefix') !== null");
    page.value("document.querySelector('#tap-path_prefix').focus()");
    page.type_text("/x");
    page.press("Enter");
    page.until("it watches", "document.querySelector('#tap-is').innerText === 'Watching.'");
    page.value("document.querySelector('#tap-go').focus()");
    page.press("Enter");
    page.until("it has stopped", "document.querySelector('#tap-is').innerText === 'Stopped.' && document.activeElement.id === 'tap-go'");
}

#[test]
fn another_question_is_asked_of_a_gateway_that_can_answer_it() {
    let scene = Scene::start("page-questions");
    let browser = browser();
    let mut page = Page::new(&browser);
    page.look_as(LIGHT);
    page.open(&scene.url());
    click(&mut page, "ask");
    page.until("it is known which gateways there are", "document.querySelector('#ask-service') !== null");
    ask(&mut page, &format!("http://{}/x", scene.ingress), "x-test: 1");
    assert_eq!(page.text("document.querySelector('#ask-service').value"), "edge");
    page.value("document.getElementById('about-sni').click()");
    page.until("the form is another one", "document.querySelector('#ask-name') !== null");
    assert_eq!(page.text("document.querySelector('#ask-service').value"), "exit", "edge goes by no names");
    page.value(
        "document.querySelector('#ask-name').value = 'web.default.dc2.internal.x'; document.querySelector('form.ask').requestSubmit()",
    );
    page.until("there is an answer", "document.querySelector('.answer .verdict') !== null");
    assert!(page.text("document.querySelector('.answer').innerText").contains("is a foreign trust domain"));
}

/// How many taps the gateway has.
fn taps(page: &mut Page<'_>) -> String {
    page.text("fetch('/metrics').then((told) => told.text()).then((text) => /^gw_taps_active (.*)$/m.exec(text)[1])")
}

#[test]
fn what_passes_is_shown_as_the_command_prints_it_and_only_while_somebody_looks() {
    let scene = Scene::start("page-tap");
    let browser = browser();
    let mut page = Page::new(&browser);
    page.look_as(LIGHT);
    page.open(&scene.url());
    click(&mut page, "tap");
    assert_eq!(taps(&mut page), "0");
    watch(&mut page, &json!({"status": "404 5xx", "path_prefix": "/denied", "header": "x-test"}));
    assert_eq!(taps(&mut page), "1");
    assert_eq!(page.value("document.querySelector('#tap-status').matches(':disabled')"), true, "what runs has another filter");
    let command = page.text("document.querySelector('.commands code').innerText");
    let wanted = format!("gw inspect tap --path-prefix /denied --status 404 --status 5xx --header x-test --admin {}", scene.gateway.admin);
    assert_eq!(command, wanted);
    let words: Vec<&str> = command.split(' ').skip(1).chain(["--limit", "1", "-o", "jsonl"]).collect();
    let mut printing = support::gw(&words).stdout(Stdio::piped()).spawn().unwrap();
    let mut printed = BufReader::new(printing.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(printed.next().unwrap().contains("begins"), "every worker tells the command, too");
    ["/", "/denied?secret=1", "/x"].iter().for_each(|path| scene.request(path));
    page.until("one is told", "document.querySelectorAll('#drawn tbody tr').length === 1");
    let shown = page.text("document.querySelector('#drawn tbody').innerText");
    let told: Value = serde_json::from_str(&printed.next().unwrap()).unwrap();
    assert!(printing.wait().unwrap().success());
    for said in [&told["path"], &told["host"], &told["code"], &told["rule"], &told["headers"]["x-test"]] {
        assert!(shown.contains(said.as_str().unwrap()), "{said} is not in {shown}");
    }
    assert!(!shown.contains("secret") && shown.contains("503"), "{shown}");
    // The way to the answer of the very request.
    assert!(page.text("document.querySelector('#drawn tbody a').href").contains("service=edge"), "of the gateway that it came to");
    page.value("document.querySelector('#drawn tbody a').click()");
    page.until("it is asked about", "document.querySelector('#ask-url')?.value.endsWith('/denied')");
    page.value("document.querySelector('form.ask').requestSubmit()");
    page.until("there is an answer", "document.querySelector('.answer .verdict') !== null");
    assert!(page.text("document.querySelector('.answer').innerText").contains("no_healthy_endpoint"));
    page.until(
        "nobody watches any more",
        "fetch('/metrics').then((told) => told.text()).then((text) => text.includes('gw_taps_active 0'))",
    );

    // What was told is still there; the last lines are kept.
    click(&mut page, "tap");
    assert!(page.text("document.querySelector('#tap-is').innerText").starts_with("Stopped"));
    assert_eq!(page.value("document.querySelectorAll('#drawn tbody tr').length"), 1);
    watch(&mut page, &json!({"status": "", "path_prefix": "/many", "header": ""}));
    (0..230).for_each(|n| scene.request(&format!("/many/{n}")));
    page.until("all are told", "document.querySelector('#drawn caption')?.innerText.startsWith('The last 200 of 230')");
    assert_eq!(page.value("document.querySelectorAll('#drawn tbody tr').length"), 200);
    assert!(page.text("document.querySelector('#drawn tbody tr').innerText").contains("/many/229"));

    // Nobody can see it, what is asked for is wrong, and the gateway goes.
    page.value("Object.defineProperty(document, 'hidden', { value: true, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))");
    page.until("it has stopped", "document.querySelector('#tap-is').innerText.startsWith('Stopped')");
    page.until("nobody watches", "fetch('/metrics').then((told) => told.text()).then((text) => text.includes('gw_taps_active 0'))");
    page.value("Object.defineProperty(document, 'hidden', { value: false, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))");
    page.value("(() => { const form = document.querySelector('form.tap'); form.elements.code.value = 'nope'; form.requestSubmit(); })()");
    page.until("it is said what is wrong", "document.querySelector('#tap-is').innerText.includes('code=nope is no code')");
    watch(&mut page, &json!({"code": "", "path_prefix": ""}));
    let Scene { gateway, .. } = scene;
    gateway.end();
    page.until("it is said that it is gone", "/ends|cut/.test(document.querySelector('#tap-is').innerText)");
    assert_eq!(page.value("document.querySelector('#tap-go').innerText"), "Start");
}

#[test]
fn what_is_refused_and_a_gateway_that_is_gone_are_said() {
    let scene = Scene::start("page-refused");
    let browser = browser();
    let mut page = Page::new(&browser);
    page.look_as(LIGHT);
    page.open(&scene.url());
    click(&mut page, "generations");
    page.until("the first generation is told", "document.querySelector('#drawn').innerText.includes('generation 1')");
    let entries = std::fs::read_to_string(scene.folder.path().join("entries.json")).unwrap();
    std::fs::write(scene.folder.path().join("entries.json"), entries.replace("\"PathPrefix\": \"/denied\"", "\"PathPrefix\": \"denied\""))
        .unwrap();
    page.until("it is said that files are refused", "document.querySelector('#notices').innerText.includes('refused')");
    page.until("and why, among the generations", "document.querySelector('.generations .refused .why')?.innerText.includes('GW0205')");
    std::fs::write(scene.folder.path().join("entries.json"), entries.replace("/denied", "/elsewhere")).unwrap();
    page.until("the notice is gone", "document.querySelector('#notices').innerText === ''");
    page.until(
        "what made the second generation is told",
        "document.querySelector('.generations li').innerText.includes('generation 2') && document.querySelector('.generations li').innerText.includes('service-router/web')",
    );
    assert!(page.text("document.querySelector('.generations li').innerText").contains("entries.json:"), "where it is written");
    let Scene { gateway, .. } = scene;
    gateway.end();
    page.until("it is said that it does not answer", "document.querySelector('#notices').innerText.includes('has not answered since')");
    page.until("in its state too", "document.querySelector('#facts').innerText.includes('gone')");
}

#[test]
fn rates_and_errors_are_how_fast_the_gateway_counts_and_nothing_when_it_is_quiet() {
    let scene = Scene::start("page-rates");
    let browser = browser();
    let mut page = Page::new(&browser);
    page.look_as(LIGHT);
    page.open(&scene.url());
    click(&mut page, "topology");
    page.until("it has looked twice", "document.querySelector('#flow .spark polyline') !== null");
    assert_eq!(page.text("document.querySelector('#flow dd').innerText"), "0");
    let mut asked = 0;
    let way = "[...document.querySelectorAll('#drawn tbody tr')].find((row) => row.cells[1].innerText === 'web')";
    let counts = format!("({way} && {way}.cells[3].innerText !== '0/s' && document.querySelectorAll('#flow dd')[1].innerText !== '0')");
    while page.value(&format!("Boolean({counts})")) != true {
        // Two in three are answered by a service, one by gw itself.
        ["/", "/x", "/denied"].iter().for_each(|path| scene.request(path));
        asked += 3;
        assert!(asked < 60_000, "{}", page.text("document.body.innerText"));
    }
    let node = page.text("document.querySelector('.node.service[aria-label^=\"service web\"]').getAttribute('aria-label')");
    assert!(node.contains("1 of 2 well") && node.contains("/s") && !node.contains(", 0/s"), "{node}");
    let ingress = page.text("document.querySelector('.node.source[aria-label*=\"clients\"]').getAttribute('aria-label')");
    assert!(ingress.contains("err"), "what no service has answered counts at the listener: {ingress}");
    page.until("it is quiet again", "document.querySelector('#flow dd').innerText === '0'");
}

/// Counts what is asked, and the timers that will ask again.
const COUNTED: &str = "(() => { const [begin, end, get] = [window.setTimeout, window.clearTimeout, window.fetch]; const waiting = new Set(); \
     window.asked = 0; window.asking = 0; window.waiting = waiting; \
     window.setTimeout = (run, time, ...rest) => { const id = begin(() => { waiting.delete(id); run(); }, time, ...rest); if (time >= 1000) waiting.add(id); return id; }; \
     window.clearTimeout = (id) => { waiting.delete(id); end(id); }; \
     window.fetch = (...of) => { window.asked += 1; window.asking += 1; return get(...of).finally(() => { window.asking -= 1; }); }; })()";

#[test]
fn it_asks_again_and_again_and_not_while_nobody_can_see_it() {
    let scene = Scene::start("page-hidden");
    let browser = browser();
    let mut page = Page::new(&browser);
    page.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": COUNTED }));
    page.open(&scene.url());
    page.until("it has asked for the second time", "window.asked > 14");
    page.value("Object.defineProperty(document, 'hidden', { value: true, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))");
    page.until("nothing is asked and nothing waits", "window.asking === 0 && window.waiting.size === 0");
    let asked = page.value("window.asked");
    page.value("Object.defineProperty(document, 'hidden', { value: false, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))");
    page.until("it asks again", &format!("window.asked > {asked}"));
}

#[test]
fn where_a_token_is_wanted_the_page_asks_for_it_and_keeps_it_to_itself() {
    let token = "0123456789abcdef0123456789abcdef";
    let folder = scratch_with("page-token", &[("token", token)]);
    let gateway = Gateway::start(&["ingress", "--listen", "0", "--admin-token-file", "token"], folder.path());
    let browser = browser();
    let mut page = Page::new(&browser);
    page.look_as(LIGHT);
    page.open(&format!("http://{}/", gateway.admin));
    page.until("it asks", "!document.querySelector('#token').hidden");
    assert_eq!(page.value("document.querySelector('#body').hidden"), true);
    for (typed, is_right) in [("0123456789abcdef0123456789abcdeX", false), (token, true)] {
        page.value("document.querySelector('#token-value').focus()");
        page.type_text(typed);
        page.press("Enter");
        page.until("it was asked with", "document.querySelector('#token-value').value === ''");
        if is_right {
            page.until("the panel is there", "document.querySelector('#token').hidden && document.querySelector('.topology svg') !== null");
            click(&mut page, "tap");
            watch(&mut page, &json!({}));
            let command = page.text("document.querySelector('.commands code').innerText");
            assert!(command.starts_with("GW_ADMIN_TOKEN_FILE=FILE gw inspect tap"), "{command}");
        } else {
            page.until("it says so", "document.querySelector('#token-wrong').innerText.includes('not the token')");
        }
    }
    let seen =
        page.text("document.documentElement.outerHTML + location.href + JSON.stringify([localStorage, sessionStorage]) + document.cookie");
    assert!(!seen.contains(token));
    let sent = page.events("Network.requestWillBeSent");
    assert!(sent.iter().all(|event| !event["request"]["url"].as_str().unwrap().contains(token)));
}
