//! Escapes text, so that it is never markup: the only place that does so.

use crate::printable::printable;
use serde::Serialize;
use std::fmt::{self, Write as _};

/// Displays text literally in an element or a quoted attribute.
pub(super) struct Text<'a>(pub(super) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in printable(self.0).chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                _ => f.write_char(character)?,
            }
        }
        Ok(())
    }
}

/// Returns a value as JSON for a `script` element: it cannot end the element, begin a comment, or contain a character
/// that is a line end in JavaScript but not in JSON.
pub(super) fn script_json<T: Serialize>(value: &T) -> String {
    let json = serde_json::to_string(value).expect("a page's data has text keys and no foreign serializer");
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let hostile = "<img src=x onerror='a()'> & \"b\"\0";
        assert_eq!(
            Text(hostile).to_string(),
            "&lt;img src=x onerror=&#39;a()&#39;&gt; &amp; &quot;b&quot;\\u{0}"
        );
    }

    #[test]
    fn data_stays_within_its_element_and_equal() {
        let hostile = "</script><!--<script>\u{2028}&";
        let json = script_json(&hostile);
        assert_eq!(json, r#""\u003c/script\u003e\u003c!--\u003cscript\u003e\u2028\u0026""#);
        assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), hostile);
    }
}
