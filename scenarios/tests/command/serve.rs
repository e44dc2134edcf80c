//! `serve` in a real browser: runs are made, changed, compared and shared.

use crate::chromium::{Browser, Screen};
use crate::shakedown;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A server that ends with the test.
struct Server {
    child: Child,
    address: String,
    _directory: TempDir,
}

impl Server {
    fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut child = shakedown(directory.path(), &["serve", "--jobs", "1"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut address = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("piped"));
        lines.read_line(&mut address).expect("it prints its address");
        Self { child, address: address.trim().to_owned(), _directory: directory }
    }

    /// Opens the page in a browser of its own and waits until it shows a run.
    fn open(&self, screen: Screen, query: &str) -> Browser {
        let mut browser = Browser::start(screen);
        browser.visit(&format!("{}{query}", self.address));
        browser.wait_for("document.body.dataset.ready");
        browser
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const FAILURE: &str = "?scenario=booking&without=retry-safe-job:a&seed=1";
const DEVIATION: &str = "worker/before job done @ intent-1/click-1/request-1/attempt-1/step-2 #1";

fn script(browser: &mut Browser) -> String {
    browser.text("document.querySelector('#script').value")
}

fn digest(browser: &mut Browser) -> String {
    browser.text("document.querySelector('#run').dataset.digest")
}

fn status(browser: &mut Browser) -> String {
    browser.text("document.querySelector('#status').textContent")
}

/// Clicks an element and waits until the page shows another run.
fn click(browser: &mut Browser, selector: &str) {
    browser.eval("delete document.querySelector('#run').dataset.digest");
    browser.eval(&format!("document.querySelector(`{selector}`).click()"));
    browser.wait_for("document.querySelector('#run').dataset.digest");
}

#[test]
fn a_failure_is_opened_changed_and_shared() {
    let server = Server::start();
    let mut browser = server.open(Screen::DESKTOP, FAILURE);
    assert!(status(&mut browser).starts_with("Violated: "), "{}", status(&mut browser));
    click(&mut browser, "#shrink");
    let shrunk = script(&mut browser);
    assert!(shrunk.ends_with(&format!("{DEVIATION} = crash\n")), "{shrunk}");
    assert!(status(&mut browser).contains("1 deviation, "), "{}", status(&mut browser));

    // The guardrail is put back: both runs are shown side by side, and the first difference.
    click(&mut browser, "[aria-label='Put back retry-safe-job:a']");
    assert!(status(&mut browser).starts_with("Held. 1 deviation"), "{}", status(&mut browser));
    assert!(!script(&mut browser).contains("without"));
    let beside = browser.text("document.querySelector('#beside').textContent");
    for part in ["The first difference", "creates reservation R2", "No invariant is violated."] {
        assert!(beside.contains(part), "{part}: {beside}");
    }
    assert_eq!(browser.eval("document.activeElement.id"), "beside");

    // Its deviation is removed: the happy path.
    click(&mut browser, &format!("[aria-label='Remove {DEVIATION} = crash']"));
    assert!(status(&mut browser).starts_with("Held. The happy path"), "{}", status(&mut browser));

    // Another one is added, from the choices of a step.
    browser.eval("document.querySelector('#run [role=listbox]').focus()");
    browser.press("Home");
    let offered = "document.querySelector(\".choices button[aria-label$='= pause 90 s']\")";
    for _ in 0..200 {
        if browser.eval(&format!("{offered} !== null")) == true {
            break;
        }
        browser.press("ArrowDown");
    }
    let added = browser.text(&format!("{offered}.getAttribute('aria-label')"));
    click(&mut browser, ".choices button[aria-label$='= pause 90 s']");
    assert!(script(&mut browser).lines().any(|line| line == added), "{added}: {}", script(&mut browser));
    assert_eq!(browser.eval("document.activeElement.getAttribute('role')"), "listbox");

    // The address is all that another browser needs.
    let address = browser.text("location.href");
    let mut other = Browser::start(Screen::PHONE);
    other.visit(&address);
    other.wait_for("document.body.dataset.ready");
    assert_eq!(digest(&mut other), digest(&mut browser));
    assert_eq!(script(&mut other), script(&mut browser));

    // Going back undoes a change.
    browser.eval("delete document.querySelector('#run').dataset.digest");
    browser.eval("history.back()");
    browser.wait_for("document.querySelector('#run').dataset.digest");
    assert!(status(&mut browser).starts_with("Held. The happy path"), "{}", status(&mut browser));
    assert_eq!(browser.console_errors(), Vec::<serde_json::Value>::new());
    let elsewhere = |url: &String| !url.starts_with(&server.address) && !url.starts_with("data:");
    assert_eq!(browser.requests().into_iter().filter(elsewhere).collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn a_script_is_written_with_the_keyboard_alone() {
    let server = Server::start();
    let mut browser = server.open(Screen::PHONE, "?scenario=booking&without=retry-safe-job:a");
    assert!(status(&mut browser).starts_with("Held. The happy path"), "{}", status(&mut browser));
    browser.eval("(() => { const text = document.querySelector('#script'); text.focus(); text.selectionStart = text.selectionEnd = text.value.length; })()");
    for letter in "job done crash".chars() {
        browser.press(&letter.to_string());
    }
    browser.wait_for("!document.querySelector('#completions').hidden");
    let first = browser.text("document.querySelector('#completions [aria-selected=true]').textContent");
    assert!(first.contains("job done @ ") && first.ends_with("= crash"), "{first}");
    browser.press("Enter");
    assert!(script(&mut browser).ends_with(&first), "{}", script(&mut browser));
    browser.eval("delete document.querySelector('#run').dataset.digest");
    browser.eval("document.querySelector('#run-script').focus()");
    browser.press("Enter");
    browser.wait_for("document.querySelector('#run').dataset.digest");
    assert!(script(&mut browser).contains(&first));

    // A script that cannot be read says why, and the run stays.
    browser.eval("document.querySelector('#script').value = 'scenario booking\\nnowhere/x @ - #1 = lost'");
    browser.eval("document.querySelector('#run-script').click()");
    browser.wait_for("document.querySelector('#problem').textContent.includes('unknown site')");
    // Nothing is wider than a phone.
    assert_eq!(browser.eval("document.documentElement.scrollWidth <= innerWidth"), true);
}

#[test]
fn text_of_the_address_is_shown_and_never_run() {
    let server = Server::start();
    let hostile = "%3Cimg%20src%3Dx%20onerror%3D%22window.ran%3D1%22%3E";
    let mut browser = Browser::start(Screen::DESKTOP);
    for query in [
        format!("?script=scenario%20{hostile}"),
        format!("?script=scenario%20booking%0Awithout%20{hostile}"),
        format!("?script=scenario%20booking%0A{hostile}%20%40%20-%20%231%20%3D%20{hostile}"),
        format!("?scenario=booking&seed={hostile}"),
    ] {
        browser.visit(&format!("{}{query}", server.address));
        browser.wait_for("document.querySelector('#problem').textContent !== ''");
        assert_eq!(browser.eval("document.images.length"), 0, "{query}");
        assert_eq!(browser.eval("typeof window.ran"), "undefined", "{query}");
    }
}

#[test]
fn a_campaign_shows_its_progress_and_its_findings_open_as_runs() {
    let server = Server::start();
    let mut browser = server.open(Screen { dark: true, ..Screen::DESKTOP }, FAILURE);
    browser.eval("document.querySelector('#to-campaign').click()");
    browser.eval("document.querySelector('#seeds').value = '300'");
    browser.eval("document.querySelector('#start').click()");
    browser.wait_for("document.querySelector('#campaign').dataset.state === 'done'");
    let shown = browser.text("document.querySelector('#campaign').textContent");
    for part in ["without retry-safe-job:a", "8 failing", "Findings by cause", "Goals and coverage over runs"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let most: f64 =
        browser.eval("Number(document.querySelector('progress').value)").as_f64().expect("a number");
    assert!(most > 0.0, "{most}");
    click(&mut browser, "#campaign nav a");
    assert!(status(&mut browser).starts_with("Violated: "), "{}", status(&mut browser));
    assert!(script(&mut browser).contains(" = "), "{}", script(&mut browser));
    assert_eq!(browser.eval("document.querySelector('#campaign').hidden"), true);
}

/// Returns the status that the server responds with.
fn respond(arguments: &[&str]) -> String {
    let options = ["--silent", "--output", "/dev/null", "--write-out", "%{http_code}"];
    let output = Command::new("curl").args(options).args(arguments).output().expect("curl is there");
    String::from_utf8(output.stdout).expect("a number")
}

#[test]
fn requests_from_elsewhere_are_refused() {
    let server = Server::start();
    let page = server.address.as_str();
    let root = page.split('/').take(3).collect::<Vec<_>>().join("/");
    let run = format!("{page}api/run");
    let body = ["--header", "content-type: application/json", "--data", r#"{"script":"scenario booking"}"#];
    let post = |extra: &[&str]| respond(&[&[run.as_str()], &body[..], extra].concat());
    assert_eq!(respond(&[page]), "200");
    assert_eq!(post(&[]), "200");
    // Without the token there is nothing.
    assert_eq!(respond(&[&root]), "404");
    assert_eq!(respond(&[&format!("{root}/00000000000000000000000000000000/")]), "404");
    // Another name of this machine, another origin, another site.
    assert_eq!(respond(&[page, "--header", "host: evil.example"]), "403");
    assert_eq!(post(&["--header", "origin: http://evil.example"]), "403");
    assert_eq!(post(&["--header", "sec-fetch-site: cross-site"]), "403");
    // What a form of another site could send.
    assert_eq!(respond(&[&run, "--data", "script=x"]), "415");
    let large = format!(r#"{{"script":"{}"}}"#, "x".repeat(300 * 1024));
    let file = server._directory.path().join("large");
    std::fs::write(&file, large).expect("written");
    let file = format!("@{}", file.display());
    assert_eq!(respond(&[&run, "--header", body[1], "--data", &file]), "413");
    assert_eq!(
        respond(&[&run, "--header", body[1], "--data", r#"{"script":"scenario booking","more":1}"#]),
        "422"
    );
}
