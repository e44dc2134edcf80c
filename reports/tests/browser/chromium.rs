//! A headless Chromium, driven over its debugging pipe: JSON messages that end with a zero byte. It opens no port,
//! has a profile of its own, and ends with the test.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tempfile::TempDir;

/// A response takes no longer than this, even on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Chromium reads messages from descriptor 3 and writes to 4; a spawned process has only 0 to 2.
const PIPES: &str = r#"exec "$0" "$@" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null"#;
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
];

/// The screen that shows the page.
#[derive(Clone, Copy)]
pub(crate) struct Screen {
    pub(crate) width: u32,
    pub(crate) dark: bool,
    pub(crate) scripts: bool,
}

impl Screen {
    pub(crate) const DESKTOP: Screen = Screen { width: 1360, dark: false, scripts: true };
    pub(crate) const PHONE: Screen = Screen { width: 360, ..Screen::DESKTOP };
}

/// A browser that shows one page.
pub(crate) struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    session: Option<String>,
    calls: u64,
    events: Vec<Value>,
    place: TempDir,
}

fn installed() -> String {
    let find = "command -v chromium || command -v chromium-browser || command -v google-chrome";
    let found = Command::new("sh").args(["-c", find]).output().expect("a shell");
    let path = String::from_utf8_lossy(&found.stdout).trim().to_owned();
    assert!(
        !path.is_empty(),
        "Chromium is missing, and the page is tested in it: `.ci/chromium` installs Debian's package"
    );
    path
}

impl Browser {
    /// Shows a page from a file and waits until it is loaded. `fragment` is the end of its address.
    pub(crate) fn show(screen: Screen, html: &str, fragment: &str) -> Self {
        let mut browser = Self::start(screen);
        let file = browser.place.path().join("page.html");
        std::fs::write(&file, html).expect("written");
        browser.visit(&format!("file://{}{fragment}", file.display()));
        browser
    }

    /// Starts a browser with an empty page.
    pub(crate) fn start(screen: Screen) -> Self {
        let place = TempDir::new().expect("a directory");
        let mut child = Command::new("sh")
            .args(["-c", PIPES, &installed()])
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", place.path().join("profile").display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let (to, output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        let (received, from) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(output).split(0).map_while(Result::ok) {
                let parsed = serde_json::from_slice(&message).expect("Chromium writes JSON");
                if received.send(parsed).is_err() {
                    break;
                }
            }
        });
        let (session, calls, events) = (None, 0, Vec::new());
        let mut browser = Self { child, to, from, session, calls, events, place };
        browser.open(screen);
        browser
    }

    fn open(&mut self, screen: Screen) {
        let target = self.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.call("Target.attachToTarget", attach);
        self.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
        let (width, mobile) = (screen.width, screen.width < 600);
        let metrics = json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": mobile });
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        let scheme = if screen.dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features }));
        self.call("Emulation.setScriptExecutionDisabled", json!({ "value": !screen.scripts }));
    }

    /// Shows the page at an address and waits until it is loaded.
    pub(crate) fn visit(&mut self, url: &str) {
        let is_load = |event: &Value| event["method"] == "Page.loadEventFired";
        self.events.retain(|event| !is_load(event));
        self.call("Page.navigate", json!({ "url": url }));
        while !self.events.iter().any(is_load) {
            let event = self.receive();
            self.events.push(event);
        }
    }

    fn receive(&self) -> Value {
        self.from.recv_timeout(TIMEOUT).expect("Chromium responds")
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let mut message = json!({ "id": self.calls, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.to.write_all(format!("{message}\0").as_bytes()).expect("Chromium reads");
        loop {
            let mut message = self.receive();
            if message["id"] == self.calls {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].take();
            }
            self.events.push(message);
        }
    }

    /// Returns the value of an expression in the page.
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let request = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut response = self.call("Runtime.evaluate", request);
        assert!(response["exceptionDetails"].is_null(), "{expression}: {}", response["exceptionDetails"]);
        response["result"]["value"].take()
    }

    /// Returns the value of an expression, as text.
    pub(crate) fn text(&mut self, expression: &str) -> String {
        let value = self.eval(expression);
        value.as_str().unwrap_or_else(|| panic!("{expression} is {value}")).to_owned()
    }

    /// Waits until an expression is true.
    pub(crate) fn wait_for(&mut self, expression: &str) {
        let poll = format!(
            "new Promise((done) => {{ const check = (left) => ({expression}) ? done(true) : left ? setTimeout(check, 20, left - 1) : done(false); check(2500); }})"
        );
        assert_eq!(self.eval(&poll), true, "{expression}");
    }

    /// Presses a key where the focus is.
    pub(crate) fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, None),
            " " => (32, Some(" ")),
            "Enter" => (13, Some("\r")),
            "End" => (35, None),
            "Home" => (36, None),
            "ArrowLeft" => (37, None),
            "ArrowUp" => (38, None),
            "ArrowRight" => (39, None),
            "ArrowDown" => (40, None),
            letter if letter.len() == 1 => {
                (u32::from(letter.to_ascii_uppercase().as_bytes()[0]), Some(letter))
            }
            other => panic!("no test presses {other}"),
        };
        let mut down = json!({ "type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code });
        if let Some(text) = text {
            down["text"] = json!(text);
        }
        self.call("Input.dispatchKeyEvent", down.clone());
        down["type"] = json!("keyUp");
        self.call("Input.dispatchKeyEvent", down);
    }

    /// Returns errors of scripts and messages of the console.
    pub(crate) fn console_errors(&mut self) -> Vec<Value> {
        self.eval("0");
        let methods = ["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"];
        let is_message = |event: &&Value| methods.iter().any(|method| event["method"] == *method);
        self.events.iter().filter(is_message).cloned().collect()
    }

    /// Returns the addresses that the page requested, except its own.
    pub(crate) fn requests(&mut self) -> Vec<String> {
        self.eval("0");
        let sent = self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        let urls = sent.filter_map(|event| event["params"]["request"]["url"].as_str());
        urls.filter(|url| !url.contains("/page.html")).map(str::to_owned).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
