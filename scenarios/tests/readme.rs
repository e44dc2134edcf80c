//! The README's screens are what the command prints. Where one differs, the test prints the screen to put there.

use std::process::Command;

/// A screen in the README: the arguments of the command, and the text shown.
fn screens(readme: &str) -> Vec<(Vec<&str>, &str)> {
    let after = readme.split("<!-- screen: ").skip(1);
    let screen = |part: &'_ str| -> (usize, usize, usize) {
        let arguments = part.find(" -->").expect("the mark ends with -->");
        let begin = part.find("```text\n").expect("a block of text follows the mark") + "```text\n".len();
        (arguments, begin, begin + part[begin..].find("```").expect("the block ends"))
    };
    after
        .map(|part| {
            let (arguments, begin, end) = screen(part);
            (part[..arguments].split(' ').collect(), &part[begin..end])
        })
        .collect()
}

#[test]
fn the_screens_of_the_readme_are_real() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a member of the workspace");
    let readme = std::fs::read_to_string(root.join("README.md")).expect("the README is there");
    let screens = screens(&readme);
    assert!(!screens.is_empty(), "the README shows a screen");
    for (arguments, shown) in screens {
        let elsewhere = tempfile::tempdir().expect("a directory of its own");
        let ran = Command::new(env!("CARGO_BIN_EXE_shakedown"))
            .args(&arguments)
            .env("COLUMNS", "110")
            .current_dir(elsewhere.path())
            .output()
            .expect("the command runs");
        let printed = String::from_utf8(ran.stdout).expect("text");
        let story = printed.split("\n\nFAIL").next().unwrap_or_default().trim_end();
        assert_eq!(shown.trim_end(), story, "`shakedown {}` prints otherwise", arguments.join(" "));
    }
}
