//! Chromium without a window, told what to do over its own pipe (the DevTools protocol): one for all tests that run at the same time.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Scratch, scratch};

/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(30);

/// A browser; it ends when the last test lets go of it.
pub(crate) struct Browser {
    child: Child,
    tell: ChildStdin,
    told: Receiver<Value>,
    asked: u64,
    /// What it has told without being asked.
    events: Vec<Value>,
    _profile: Scratch,
}

/// The browser that other tests have open, or a new one.
pub(crate) fn browser() -> Arc<Mutex<Browser>> {
    static OPEN: Mutex<Weak<Mutex<Browser>>> = Mutex::new(Weak::new());
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    open.upgrade().unwrap_or_else(|| {
        let browser = Arc::new(Mutex::new(Browser::start()));
        *open = Arc::downgrade(&browser);
        browser
    })
}

impl Browser {
    fn start() -> Self {
        let profile = scratch("chromium");
        let flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-pipe"];
        // It reads at the descriptor 3 and writes at 4.
        let mut command = Command::new("sh");
        command.args(["-c", "exec chromium \"$@\" 3<&0 4>&1 1>/dev/null 2>/dev/null", "chromium"]).args(flags);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
        let (tell, from) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        let (sender, told) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(from).split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice(&message) else { return };
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        Self { child, tell, told, asked: 0, events: Vec::new(), _profile: profile }
    }

    /// Asks for something and waits for the answer.
    #[track_caller]
    fn call(&mut self, session: Option<&str>, method: &str, params: Value) -> Value {
        self.asked += 1;
        let mut message = json!({"id": self.asked, "method": method, "params": params});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let written = self.tell.write_all(format!("{message}\0").as_bytes());
        written.expect("chromium listens; tests/run installs it");
        let until = Instant::now() + PATIENCE;
        loop {
            let message = match self.told.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => panic!("chromium does not answer {method}"),
                Err(RecvTimeoutError::Disconnected) => panic!("chromium has ended; tests/run installs it"),
            };
            if message["id"] == self.asked {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            if message["method"].is_string() {
                self.events.push(message);
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends by itself when it is told to, with its own children.
        drop(self.tell.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0"));
        let until = Instant::now() + Duration::from_secs(5);
        while !matches!(self.child.try_wait(), Ok(Some(_))) {
            if Instant::now() > until {
                drop(self.child.kill());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    pub(crate) name: &'static str,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) scheme: &'static str,
}

pub(crate) const LIGHT: Form = Form { name: "light", width: 1280, height: 900, scheme: "light" };
pub(crate) const DARK: Form = Form { name: "dark", width: 1280, height: 900, scheme: "dark" };
pub(crate) const NARROW: Form = Form { name: "narrow", width: 360, height: 740, scheme: "light" };

/// A page of one's own in the browser.
pub(crate) struct Page<'a> {
    browser: MutexGuard<'a, Browser>,
    target: String,
    session: String,
}

impl<'a> Page<'a> {
    /// An empty page, with nobody else in the browser meanwhile.
    pub(crate) fn new(browser: &'a Mutex<Browser>) -> Self {
        let mut browser = browser.lock().unwrap_or_else(PoisonError::into_inner);
        browser.events.clear();
        let target = browser.call(None, "Target.createTarget", json!({"url": "about:blank"}))["targetId"].as_str().unwrap().to_owned();
        let attached = browser.call(None, "Target.attachToTarget", json!({"targetId": target, "flatten": true}));
        let session = attached["sessionId"].as_str().unwrap().to_owned();
        let mut page = Self { browser, target, session };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        page
    }

    #[track_caller]
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        let session = self.session.clone();
        self.browser.call(Some(&session), method, params)
    }

    pub(crate) fn look_as(&mut self, form: Form) {
        let Form { width, height, scheme, .. } = form;
        let screen = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        self.call("Emulation.setDeviceMetricsOverride", screen);
        self.call("Emulation.setEmulatedMedia", json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]}));
    }

    /// Goes to an address and waits until the page has drawn.
    #[track_caller]
    pub(crate) fn open(&mut self, url: &str) {
        let gone = self.call("Page.navigate", json!({"url": url}));
        assert!(gone["errorText"].is_null(), "{url}: {gone}");
        self.until(
            "the page has drawn its tabs, or asks for the token",
            "document.querySelector('[role=tab], #token:not([hidden])') !== null",
        );
    }

    /// The value of an expression, of a promise what comes of it.
    #[track_caller]
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    #[track_caller]
    pub(crate) fn text(&mut self, expression: &str) -> String {
        self.value(expression).as_str().unwrap_or_else(|| panic!("{expression} is no text")).to_owned()
    }

    /// Waits for a condition.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, condition: &str) {
        let start = Instant::now();
        while self.value(&format!("Boolean({condition})")) != true {
            let shown = || "document.body.innerText.slice(0, 3000)";
            if start.elapsed() > PATIENCE {
                let shown = self.value(shown());
                panic!("never: {what}\n{shown}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A key, as from a keyboard.
    pub(crate) fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "ArrowLeft" => (37, ""),
            "ArrowUp" => (38, ""),
            "ArrowRight" => (39, ""),
            "ArrowDown" => (40, ""),
            other => panic!("no key {other}"),
        };
        let mut down = json!({"type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code});
        if !text.is_empty() {
            down["text"] = text.into();
        }
        self.call("Input.dispatchKeyEvent", down);
        self.call("Input.dispatchKeyEvent", json!({"type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code}));
    }

    pub(crate) fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// What the browser has told of this page since the last time, of one kind.
    pub(crate) fn events(&mut self, method: &str) -> Vec<Value> {
        let own = |event: &Value| event["sessionId"] == *self.session && event["method"] == method;
        self.browser.events.iter().filter(|event| own(event)).map(|event| event["params"].clone()).collect()
    }

    /// Everything that went wrong in the page: exceptions, errors and warnings of its console, what its policy stopped.
    pub(crate) fn complaints(&mut self) -> Vec<Value> {
        // What happened before this is told before this is answered.
        self.value("0");
        ["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"].iter().flat_map(|kind| self.events(kind)).collect()
    }

    /// A picture of the whole page, as PNG, in a folder of the target directory.
    pub(crate) fn picture(&mut self, name: &str) {
        use base64::Engine;
        let height = self.value("Math.min(document.documentElement.scrollHeight, 4000)");
        let width = self.value("document.documentElement.clientWidth");
        let clip = json!({"x": 0, "y": 0, "width": width, "height": height, "scale": 1});
        let taken = self.call("Page.captureScreenshot", json!({"format": "png", "captureBeyondViewport": true, "clip": clip}));
        let bytes = base64::engine::general_purpose::STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), bytes).unwrap();
    }
}

impl Drop for Page<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let target = self.target.clone();
            self.browser.call(None, "Target.closeTarget", json!({ "targetId": target }));
        }
    }
}
