//! Links to a run: its script is part of the address, so that a link shows the same run to everybody who can reach the page.

use shakedown_sim::Script;

/// Returns the address of a run, relative to the page.
pub(super) fn of(script: &Script) -> String {
    let query =
        form_urlencoded::Serializer::new(String::new()).append_pair("script", &script.to_string()).finish();
    format!("?{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_the_whole_script() {
        let script: Script =
            "scenario till\nwithout a:b\ntill/x @ - #1 = lost & found".parse().expect("a script");
        let address = of(&script);
        assert!(address.is_ascii() && !address.contains([' ', '\n', '#']), "{address}");
        let (_, query) = address.split_once('?').expect("a query");
        let (_, value) = form_urlencoded::parse(query.as_bytes()).next().expect("a pair");
        assert_eq!(value.parse::<Script>(), Ok(script));
    }
}
