//! Scripts: a run as its variant and its sparse list of deviations, in a form that people can read and commit.
//!
//! ```text
//! scenario rpc
//! without dedup
//! variant link=slow clients=2
//! pay.charge/response @ order-1/attempt-1 #1 = lost
//! ```
//!
//! The order of deviations has no meaning: each names its choice completely.

use crate::former;
use crate::scope::ScopePath;
use std::fmt;
use std::str::FromStr;

/// The name of a choice: its site, the scope of the entity that it concerns, and its number within both, from 1.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ChoiceId {
    /// The written form of the site.
    pub site: String,
    /// The entity's causal path.
    pub scope: ScopePath,
    /// Its number within site and scope, from 1.
    pub nth: u32,
}

impl fmt::Display for ChoiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} @ {} #{}", self.site, self.scope, self.nth)
    }
}

/// A choice that does not take its benign alternative.
///
/// ```
/// use shakedown_sim::Deviation;
/// let lost: Deviation = "pay.charge/response @ order-1/attempt-1 #1 = lost".parse().unwrap();
/// assert_eq!(lost.compact(), "pay.charge/response@order-1/attempt-1#1=lost");
/// assert_eq!(lost.compact().parse(), Ok(lost));
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Deviation {
    /// The choice that deviates.
    pub id: ChoiceId,
    /// The alternative that it takes, in its written form.
    pub alternative: String,
}

impl Deviation {
    /// Returns the form without blanks around the separators, for machines and command lines.
    pub fn compact(&self) -> String {
        format!("{}@{}#{}={}", self.id.site, self.id.scope, self.id.nth, self.alternative)
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.id, self.alternative)
    }
}

const FORM: &str = "expected SITE @ SCOPE #N = ALTERNATIVE, as in `pay.charge/response @ order-1 #1 = lost`";

impl FromStr for Deviation {
    type Err = String;

    /// Reads both forms; former words are read as the current ones.
    fn from_str(text: &str) -> Result<Self, String> {
        let (site, rest) = text.split_once('@').ok_or_else(|| format!("no `@` in `{text}`: {FORM}"))?;
        let (id, alternative) = rest.split_once('=').ok_or_else(|| format!("no `=` in `{text}`: {FORM}"))?;
        let (scope, nth) = id.split_once('#').unwrap_or((id, "1"));
        let nth = nth.trim().parse().ok().filter(|nth| *nth > 0);
        let nth = nth.ok_or_else(|| format!("`#` wants a number from 1 in `{text}`: {FORM}"))?;
        let (site, alternative) = (site.trim(), alternative.trim());
        if site.is_empty() || alternative.is_empty() {
            return Err(format!("the site or the alternative is missing in `{text}`: {FORM}"));
        }
        let site = former::site(site).into_owned();
        let alternative = former::alternative(&site, alternative).to_owned();
        Ok(Self { id: ChoiceId { site, scope: scope.trim().parse()?, nth }, alternative })
    }
}

/// The parameters of a run: a value for each of the scenario's parameters, in the scenario's order.
///
/// ```
/// use shakedown_sim::Variant;
/// let variant: Variant = "link=slow clients=2".parse().unwrap();
/// assert_eq!(variant.get("clients"), Some("2"));
/// assert_eq!(variant.number("clients"), 2);
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Variant(pub Vec<(String, String)>);

impl Variant {
    /// Returns the variant with the values that another one gives to its parameters.
    ///
    /// ```
    /// use shakedown_sim::Variant;
    /// let drawn: Variant = "clients=2 link=slow".parse()?;
    /// assert_eq!(drawn.with(&"link=fast".parse()?).to_string(), "clients=2 link=fast");
    /// # Ok::<(), String>(())
    /// ```
    pub fn with(&self, fixed: &Variant) -> Variant {
        let value = |(name, value): &(String, String)| {
            (name.clone(), fixed.get(name).map_or_else(|| value.clone(), str::to_owned))
        };
        Variant(self.0.iter().map(value).collect())
    }

    /// Returns the value of a parameter, if the variant has it.
    pub fn get(&self, parameter: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == parameter).map(|(_, value)| value.as_str())
    }

    /// Returns the value of a numeric parameter.
    ///
    /// # Panics
    /// If the variant has no such parameter or its value is not a number: the scenario declares its own parameters
    /// and values.
    pub fn number(&self, parameter: &str) -> u32 {
        let value = self.get(parameter).and_then(|value| value.parse().ok());
        value.unwrap_or_else(|| panic!("the variant `{self}` has no number `{parameter}`"))
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.0.iter().enumerate() {
            write!(f, "{}{name}={value}", if at == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl FromStr for Variant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pairs = text.split_whitespace().map(|pair| match pair.split_once('=') {
            Some((name, value)) if !name.is_empty() && !value.is_empty() => {
                Ok((name.to_owned(), value.to_owned()))
            }
            _ => Err(format!("`{pair}` is no part of a variant: expected NAME=VALUE")),
        });
        let pairs: Vec<(String, String)> = pairs.collect::<Result<_, _>>()?;
        let twice = pairs
            .iter()
            .enumerate()
            .find(|(at, (name, _))| pairs[..*at].iter().any(|(other, _)| other == name));
        match twice {
            Some((_, (name, _))) => {
                Err(format!("`{name}` is given twice: a variant has one value for each parameter"))
            }
            None => Ok(Self(pairs)),
        }
    }
}

/// A run: its scenario and the ablated guardrails (both are only carried along here), its variant, and its deviations
/// from the happy path.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Script {
    /// The scenario's name.
    pub scenario: String,
    /// The ablated guardrails.
    pub without: Vec<String>,
    /// The variant of the run.
    pub variant: Variant,
    /// Its deviations from the happy path.
    pub deviations: Vec<Deviation>,
}

impl Script {
    /// Returns the same run with other deviations.
    pub fn with(&self, deviations: Vec<Deviation>) -> Self {
        Self { deviations, ..self.clone() }
    }

    /// Returns whether some deviation is a pause before a statement, which only some runs offer.
    pub fn has_statements(&self) -> bool {
        self.deviations.iter().any(|deviation| deviation.id.site.contains("/statement on "))
    }

    /// Returns whether some deviation concerns task order, which only some runs offer.
    pub fn has_task_order(&self) -> bool {
        self.deviations.iter().any(|deviation| deviation.id.site.ends_with("/schedule"))
    }
}

impl Script {
    /// Returns the script as arguments of a command line, quoted for a shell.
    ///
    /// ```
    /// use shakedown_sim::Script;
    /// let script: Script = "scenario till\nwithout log\nvariant n=1\ntill/answer @ - #1 = lost".parse().unwrap();
    /// assert_eq!(script.arguments(), "till --without log --variant n=1 --deviate 'till/answer@-#1=lost'");
    /// ```
    pub fn arguments(&self) -> String {
        let mut arguments = self.scenario.clone();
        for part in &self.without {
            arguments += &format!(" --without {part}");
        }
        match self.variant.0.len() {
            0 => {}
            1 => arguments += &format!(" --variant {}", self.variant),
            _ => arguments += &format!(" --variant '{}'", self.variant),
        }
        for deviation in &self.deviations {
            arguments += &format!(" --deviate '{}'", deviation.compact());
        }
        arguments
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "scenario {}", self.scenario)?;
        for part in &self.without {
            writeln!(f, "without {part}")?;
        }
        if !self.variant.0.is_empty() {
            writeln!(f, "variant {}", self.variant)?;
        }
        self.deviations.iter().try_for_each(|deviation| writeln!(f, "{deviation}"))
    }
}

/// The error of a script that cannot be read, with its line.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ScriptError {
    /// The line, from 1.
    pub line: usize,
    /// The problem, and the expected form.
    pub problem: String,
}

impl FromStr for Script {
    type Err = ScriptError;

    /// Reads the form that `Display` writes; blank lines and lines that begin with `#` are skipped.
    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let mut script = Script::default();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                script.read_line(line).map_err(|problem| ScriptError { line: at + 1, problem })?;
            }
        }
        if script.scenario.is_empty() {
            return Err(ScriptError { line: 1, problem: "no line `scenario NAME`".to_owned() });
        }
        Ok(script)
    }
}

impl Script {
    fn read_line(&mut self, line: &str) -> Result<(), String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "scenario" if !rest.is_empty() => self.scenario = rest.trim().to_owned(),
            "without" if !rest.is_empty() => self.without.push(rest.trim().to_owned()),
            "variant" => self.variant = rest.parse()?,
            _ => {
                let deviation: Deviation = line.parse()?;
                if self.deviations.iter().any(|other| other.id == deviation.id) {
                    return Err(format!("`{}` is named twice", deviation.id));
                }
                self.deviations.push(deviation);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read_back_as_it_was_written() {
        let text = "scenario rpc\nwithout dedup\nvariant link=slow clients=2\n\
                    pay.charge/response @ order-1/attempt-1 #1 = lost\n\
                    worker/after pay.charge @ - #2 = pause 90 s\n";
        let script: Script = text.parse().unwrap();
        assert_eq!(script.to_string(), text);
        assert_eq!(script.deviations[1].id.nth, 2);
    }

    #[test]
    fn a_script_in_former_words_is_read_in_todays() {
        let former =
            "scenario rpc\nworker/after pay.charge @ - #2 = vanish\nstore/commit pay @ - = answer lost\n";
        let script: Script = former.parse().unwrap();
        let alternatives: Vec<_> = script.deviations.iter().map(|one| one.alternative.as_str()).collect();
        assert_eq!(alternatives, ["crash", "response lost"]);
    }

    #[test]
    fn a_script_that_cannot_be_read_names_the_line_and_the_remedy() {
        fn check(text: &str, error: &str) {
            let found = text.parse::<Script>().unwrap_err().to_string();
            assert!(found.starts_with(error), "{found}");
        }
        check("", "line 1: no line `scenario NAME`");
        check("scenario rpc\npay", "line 2: no `@` in `pay`: expected SITE @ SCOPE #N");
        check("scenario rpc\n\npay/x @ order-1 #0 = lost", "line 3: `#` wants a number from 1");
        check("scenario rpc\npay/x @ order #1 = lost", "line 2: `order` is no part of a scope");
        check("scenario rpc\na/b @ - = x\na/b @ - #1 = y", "line 3: `a/b @ - #1` is named twice");
        check("scenario rpc\nvariant link=fast link=slow", "line 2: `link` is given twice");
        check("scenario rpc\nvariant fast", "line 2: `fast` is no part of a variant");
    }
}
